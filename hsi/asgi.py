"""The ASGI application: static files, HTTP to Django, sockets and channels to the Channels consumers."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from servestatic import ServeStaticASGI

from hsi.config import private_files
from hsi.http.proxy_headers import SanitizedASGI
from hsi.server.application import django_application, with_static_files

private_files.restrict_umask()
http = with_static_files(ServeStaticASGI, django_application())

from events.routing import channel_consumers, websocket_urlpatterns  # noqa: E402  (needs the apps, loaded just above)
from events.stream.handshake import SiteOriginValidator, TokenAuthMiddleware  # noqa: E402

application = SanitizedASGI(
    ProtocolTypeRouter(
        {
            "http": http,
            "websocket": SiteOriginValidator(TokenAuthMiddleware(URLRouter(websocket_urlpatterns))),
            "channel": ChannelNameRouter(channel_consumers),
        }
    )
)

# What is loaded by now never becomes garbage. Looking through it stopped a process with many clients for 0.2 s.
gc.collect()
gc.freeze()
