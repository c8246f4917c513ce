"""Simulated cameras that draw their pictures and upload them like real ones, for the demo and for load tests.

`runner` starts them; begin there. A `camera` follows a `scenario` (who comes when), draws it with `scene`
(`backgrounds`, `actors`, `canvas`), and names its files like a real vendor (`vendors`).
"""
