"""What the head of every answer says to browsers, and how much of its rate limit a client has left."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from hsi.http.middleware import Middleware
from hsi.http.request_state import state_of

# Our pages: nothing from elsewhere, no script and no style in the text of a page.
STRICT = {
    "default-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# By how an address begins, what its pages need on top. The admin's scripts evaluate expressions and set styles, and
# the page that shows the API draws with styles of its own.
RELAXED = {
    "/admin/": {"script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"},
    "/api/docs": {"style-src": "'self' 'unsafe-inline'"},
}
NO_DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def policy(path: str) -> str:
    """The Content-Security-Policy for what `path` answers."""
    more = next((more for start, more in RELAXED.items() if path.startswith(start)), {})
    return "; ".join(f"{name} {sources}" for name, sources in {**STRICT, **more}.items())


POLICIES = {start: policy(start) for start in ("/", *RELAXED)}


class HeadersMiddleware(Middleware):
    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        start = next((start for start in RELAXED if request.path_info.startswith(start)), "/")
        is_explained = settings.DEBUG and response.status_code in (404, 500)  # Django's own page, with styles in it
        if not is_explained:
            response.headers.setdefault("Content-Security-Policy", POLICIES[start])
        response.headers.setdefault("Permissions-Policy", NO_DEVICES)
        for name, value in state_of(request).rate_limit_headers.items():
            response.headers[name] = value
        return response
