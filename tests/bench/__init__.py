"""The figures that this system promises, measured: `make bench`, or `python -m tests.bench [group ...]`."""
