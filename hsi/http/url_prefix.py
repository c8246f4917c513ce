"""The path prefix of the site (URL_PREFIX).

Every decision about a request uses `request.path_info`, which is also what the router matches. The prefix comes from
the setting only: no header of a client or proxy can change it.
"""

from __future__ import annotations

from django.conf import settings


def link(path: str) -> str:
    """Return the link to `path` (with its leading slash) for a browser."""
    return f"{settings.URL_PREFIX}{path}"


def strip_prefix(path: str) -> str:
    """Return `path` without the prefix, whether or not a proxy has stripped it already."""
    prefix: str = settings.URL_PREFIX
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        return path[len(prefix) :] or "/"
    return path
