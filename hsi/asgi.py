"""The ASGI application: static files, HTTP to Django, sockets to `events.stream`."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string
from servestatic import ServeStaticASGI


def with_static_files(application: object) -> ServeStaticASGI:
    """Serve the static files of every app from where they lie: there is no collecting step to forget.

    A browser asks whether its copy is still good, so that an upgrade never mixes old and new scripts.
    """
    static = ServeStaticASGI(application, max_age=0, allow_all_origins=False, autorefresh=settings.DEBUG)
    for finder in get_finders():
        for storage in getattr(finder, "storages", {}).values():
            static.add_files(storage.location, prefix=settings.STATIC_URL.strip("/"))
    return static


http = with_static_files(get_asgi_application())
application = ProtocolTypeRouter({"http": http, "websocket": import_string("events.stream.routing.application")})
