"""The ASGI application: HTTP to Django with static files before it, sockets to `events.stream`."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

http = get_asgi_application()
application = ProtocolTypeRouter({"http": http, "websocket": import_string("events.stream.routing.application")})
