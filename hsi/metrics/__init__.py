"""Figures that all processes share: `histograms` for durations and counts, `gauges` for current values.

Code adds to figures in memory. A background thread (`hsi.workers.flusher`) writes them to the database, histograms
by way of `histogram_rows`.
"""
