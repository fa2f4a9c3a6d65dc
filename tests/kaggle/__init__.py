"""Training on Kaggle."""
