"""Fit a CNN on a dataset folder, go on after a kill, calibrate, export.

In: a model, a recipe, a dataset folder. Out: a history, the best epoch's weights, one .keras file with its record.
For other rooms: pipeline (all of it, as notebook and shell run it), recipes, fitting (train, export), calibration,
fine_tuning, run_folder (what a run keeps), devices.
"""
