"""The WSGI application: static files, pages and REST. Sockets are served by ASGI alone."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string
from servestatic import ServeStatic

from hsi.config import private_files
from hsi.http.proxy_headers import SanitizedWSGI
from hsi.server.application import with_static_files

private_files.restrict_umask()
django_application = get_wsgi_application()
# What needs Django's models is loaded after Django is.
bounded = import_string("hsi.server.wsgi_bodies.BoundedBodies")(with_static_files(ServeStatic, django_application))
application = SanitizedWSGI(bounded)
