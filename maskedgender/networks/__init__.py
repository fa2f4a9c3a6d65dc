"""The CNNs, each readable from top to bottom, and the .keras files they live in.

In: the side of a canonical crop in pixels and the view, or a file. Out: a Keras model; its probabilities for crops.
For other rooms: seed, small and masked (the CNNs), imagenet (weights to start from), answering (the form that
answers), model_files (open one, checked), records (what lies beside one), checksums, probabilities, backend (with what
Keras computes).
"""
