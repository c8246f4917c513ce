"""How the system runs: settings, queues, the worker loop, errors, access, and the outbox stream."""

__version__ = "0.1.0"
