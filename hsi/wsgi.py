"""The WSGI application: static files, pages and REST. Sockets are served by ASGI alone."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

from django.core.wsgi import get_wsgi_application
from servestatic import ServeStatic

from hsi import private
from hsi.staticfiles import with_static_files

private.keep()
application = with_static_files(ServeStatic, get_wsgi_application())
