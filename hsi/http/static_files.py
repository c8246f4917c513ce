"""Static files of every app, served from where they lie: there is no collecting step to forget."""

from __future__ import annotations

from typing import TypeVar

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from servestatic import ServeStatic, ServeStaticASGI

from hsi.http import mount

Server = TypeVar("Server", ServeStatic, ServeStaticASGI)


def with_static_files(kind: type[Server], application: object) -> Server:
    """`application` behind a server of that kind. A browser asks whether its copy is still good, so that an upgrade
    never mixes old and new scripts.
    """
    # An ASGI path has the mount point in it, a WSGI path has not.
    prefix = settings.STATIC_URL.strip("/") if kind is ServeStaticASGI else mount.below(settings.STATIC_URL).strip("/")
    static = kind(application, max_age=0, allow_all_origins=False, autorefresh=settings.DEBUG)
    for finder in get_finders():
        for storage in getattr(finder, "storages", {}).values():
            static.add_files(storage.location, prefix=prefix)
    return static
