"""Finding and cutting faces."""
