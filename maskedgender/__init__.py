"""Female or male, as the training labels use the words, for every face of a photo, masks worn or not."""

__version__ = "1.0.0"
