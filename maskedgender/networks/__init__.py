"""The CNNs, each readable from top to bottom.

In: the side of a canonical crop in pixels, and the view. Out: an uncompiled Keras model.
For other rooms: models.
"""
