"""Background work: loops, their processes and their heartbeats.

`loop` runs a step again and again, and `queue_worker` is the loop that takes jobs. `runner` runs loops as a process and
is the base of their commands. `heartbeat` reports that a loop is alive, and `flusher` writes log lines and figures.
"""
