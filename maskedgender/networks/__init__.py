"""The CNNs, each readable from top to bottom, and the .keras files they live in.

In: the side of a canonical crop in pixels and the view, or a file. Out: a Keras model; its probabilities for crops.
For other rooms: seed and masked (the CNNs), model_files (open one, checked), checksums, probabilities.
"""
