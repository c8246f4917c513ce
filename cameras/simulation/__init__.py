"""Drawn cameras that upload the way real ones do, for the demo and for load tests."""
