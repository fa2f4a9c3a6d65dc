"""Fit a CNN on a dataset folder, go on after a kill, calibrate, export.

In: a model, a recipe, a split dataset. Out: a history, the best epoch's weights, one .keras file.
For other rooms: fitting (train, export), calibration, fine_tuning, run_folder (what a run keeps), devices.
"""
