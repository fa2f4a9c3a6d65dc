"""Train on a Kaggle GPU from here: push the notebook, wait, fetch the model.

In: the training notebook and its parameters. Out: a .keras file.
For other rooms: remote_training (train, status, fetch).
"""
