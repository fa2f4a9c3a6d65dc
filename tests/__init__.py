"""Tests; `make test` runs all that are not marked as soak."""
