"""The CNNs."""
