"""Labelled portraits become a masked dataset folder; a dataset folder becomes batches.

In: portraits and a CSV of labels, or a folder of Kaggle's layout. Out: that folder; tables of its pictures; batches.
For other rooms: make_dataset and portraits (to make a folder), pictures (to find, list and read one), copies (what
shows the same portrait), split, augment, batches.
"""
