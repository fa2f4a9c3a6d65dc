"""Drawing masks."""
