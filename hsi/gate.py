"""The gate: nothing is seen without a login or a token, save an explicit list.

Until the first user exists everything else answers 503 and says how to set the system up.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from hsi import audit, problem
from hsi.tokens import find_token, token_in

# Asks the database for nothing, whatever the request carries.
LIVENESS = "/health/live"
# Every path that answers without a login. A test walks the URL configuration and holds it against this.
OPEN_PATHS = frozenset({LIVENESS, "/health/ready", "/login", "/setup", "/favicon.ico"})
OPEN_PREFIXES = ("/static/",)
# For administrators, and for the addresses of METRICS_ALLOWED_ADDRESSES.
METRICS = "/metrics"
# What answers before there is a first user.
BEFORE_SETUP = frozenset({LIVENESS, "/setup", "/favicon.ico"})

_set_up = False


def may_scrape(request: HttpRequest) -> bool:
    """Whether this asks for the metrics, from an address that may have them without a login."""
    if request.path != METRICS or not settings.METRICS_ALLOWED_ADDRESSES:
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ipaddress.ip_network(one) for one in settings.METRICS_ALLOWED_ADDRESSES)


def is_set_up() -> bool:
    """Whether a user exists. Once true it is not asked again."""
    global _set_up
    _set_up = _set_up or get_user_model().objects.exists()
    return _set_up


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/health/", METRICS)) or "json" in request.headers.get("Accept", "")


class GateMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        audit.on_behalf_of(request)
        if request.path == LIVENESS or request.path.startswith(OPEN_PREFIXES):
            return None
        try:
            return self._let_in(request)
        except (DatabaseError, InterfaceError) as error:
            return problem.database_away(request, error)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        audit.on_behalf_of(None)
        return response

    def _let_in(self, request: HttpRequest) -> HttpResponseBase | None:
        """None lets the request in."""
        path = request.path
        if path not in BEFORE_SETUP and not is_set_up():
            return not_set_up(request)
        if text := token_in(request):
            return self._with_token(request, text)
        if path in OPEN_PATHS or request.user.is_authenticated or may_scrape(request):
            return None
        return not_signed_in(request)

    def _with_token(self, request: HttpRequest, text: str) -> HttpResponseBase | None:
        token = find_token(text)
        if token is None:
            return _challenge(problem.response(request, 401, "The token is unknown, expired or revoked."))
        if not request.path.startswith(("/api/", "/health/")) and request.path != METRICS:
            return problem.response(request, 403, "Tokens are for the API; pages need a login.")
        request.user = token.user
        request.META["hsi.token"] = token
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # no cookie, so nothing to forge
        return None


def not_set_up(request: HttpRequest) -> HttpResponseBase:
    detail = (
        "There is no user yet. Open the set-up link that the server printed when it started, or start it with "
        "DJANGO_SUPERUSER_USERNAME and DJANGO_SUPERUSER_PASSWORD set."
    )
    if wants_json(request):
        return problem.response(request, 503, detail, "NOT_SET_UP")
    return render(request, "hsi/not_set_up.html", {"detail": detail}, status=503)


def not_signed_in(request: HttpRequest) -> HttpResponseBase:
    if wants_json(request):
        return _challenge(problem.response(request, 401, "Sign in, or send a token."))
    return redirect(f"{reverse('login')}?{urlencode({'next': request.get_full_path()})}")


def _challenge(response: HttpResponse) -> HttpResponse:
    response.headers["WWW-Authenticate"] = "Bearer"
    return response
