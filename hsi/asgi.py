"""The ASGI application: static files, HTTP to Django, sockets to `events.stream`."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

from channels.routing import ProtocolTypeRouter
from django.utils.module_loading import import_string
from servestatic import ServeStaticASGI

from hsi import private
from hsi.asgihandler import django_application
from hsi.front import FrontASGI
from hsi.staticfiles import with_static_files

private.keep()
http = with_static_files(ServeStaticASGI, django_application())
application = FrontASGI(
    ProtocolTypeRouter({"http": http, "websocket": import_string("events.stream.routing.application")})
)

# What is loaded by now never becomes garbage. Looking through it stopped a process with many clients for 0.2 s.
gc.collect()
gc.freeze()
