"""The path below which the site is served (`URL_PREFIX`), and the one definition of a request's path.

Every decision about a request uses `request.path_info`, which is what the router matches. The mount point comes
from the setting alone: no header of a client or proxy can move it.
"""

from __future__ import annotations

from django.conf import settings


def link(path: str) -> str:
    """Return the address of `path` (with its leading slash) for a browser."""
    return f"{settings.URL_PREFIX}{path}"


def strip_prefix(path: str) -> str:
    """Return `path` without the mount point. A proxy may pass it on or strip it: both are understood."""
    prefix: str = settings.URL_PREFIX
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        return path[len(prefix) :] or "/"
    return path
