"""Measures how well the system judges: `make judge`."""
