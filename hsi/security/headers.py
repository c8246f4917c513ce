"""Security headers of every response, and the headers about the rate limit."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from hsi.http.middleware import Middleware
from hsi.http.request_state import state_of

# Pages load nothing from other sites, and no inline scripts or styles.
STRICT = {
    "default-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# Additional sources by path prefix. The scripts of the admin evaluate expressions and set styles, and the page of the
# API description uses its own styles.
RELAXED = {
    "/admin/": {"script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"},
    "/api/docs": {"style-src": "'self' 'unsafe-inline'"},
}
NO_DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def policy(path: str) -> str:
    """Return the Content-Security-Policy of `path`."""
    more = next((more for start, more in RELAXED.items() if path.startswith(start)), {})
    return "; ".join(f"{name} {sources}" for name, sources in {**STRICT, **more}.items())


POLICIES = {start: policy(start) for start in ("/", *RELAXED)}


class HeadersMiddleware(Middleware):
    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        start = next((start for start in RELAXED if request.path_info.startswith(start)), "/")
        is_explained = settings.DEBUG and response.status_code in (
            404,
            500,
        )  # the error page of Django has inline styles
        if not is_explained:
            response.headers.setdefault("Content-Security-Policy", POLICIES[start])
        response.headers.setdefault("Permissions-Policy", NO_DEVICES)
        for name, value in state_of(request).rate_limit_headers.items():
            response.headers[name] = value
        return response
