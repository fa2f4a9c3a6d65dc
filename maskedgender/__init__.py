"""Female or male, as the training data's labels define them, for every face of a photo, masks worn or not."""

__version__ = "2.0.0"
