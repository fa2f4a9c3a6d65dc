"""The CNNs, each readable from top to bottom, and the model files that answers come from.

In: the side of a canonical crop in pixels and the view, or a file. Out: a Keras model; its probabilities for crops.
For other rooms: seed and masked (the CNNs), imagenet (weights to start from), answering (the form that answers),
exporting (writes one file with its record), records and checksums (read them), model_files (opens one, checked),
classifier (what comes of that), exported (files for other runtimes), foreign (the scales and orders that a caller can
name), backend (imports Keras and OpenVINO without what answers do not need).
"""
