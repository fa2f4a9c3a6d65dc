"""Labelled portraits become a masked dataset folder; a dataset folder becomes batches.

In: portraits and a CSV of labels, or a folder of Kaggle's layout. Out: that folder, its tables, its split, its batches.
For other rooms: make_dataset and portraits (to make a folder); layout (its names), locate, listing, audit, split,
split_record, augment and stream (to train on one); kaggle_download (Kaggle's dataset).
"""
