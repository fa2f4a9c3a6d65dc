"""The CNNs, each readable from top to bottom, and the files they live in.

In: a size and a view, or a file. Out: a Keras model; its probabilities for crops.
For other rooms: masked and seed (the CNNs), imagenet (weights to start from), answering (the form that answers),
exporting (write a file), records (what a file tells of itself), model_files (open one, checked), checksums,
probabilities, backend (with what Keras computes).
"""
