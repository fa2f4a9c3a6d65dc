"""Scripts that measure this project and print a table; run them again with python -m benchmarks.NAME."""
