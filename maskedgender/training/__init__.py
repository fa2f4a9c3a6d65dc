"""Fit a CNN on a dataset folder, go on after a stop, calibrate.

In: a network and batches. Out: its best weights, calibrated; the threshold of "not sure"; what tells masks.
For other rooms: fitting, calibration, mask_output, devices, intervals (a share with its interval). The training
notebook holds all of them, as plain cells.
"""
