"""The gate: nothing is seen without a login or a token, save an explicit list, and nobody comes too often.

Until the first user exists everything else answers 503 and says how to set the system up.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from hsi import audit, bounds, logcontext, problem, ratelimit
from hsi.address import client_address, client_network, is_in
from hsi.errors import (
    DatabaseUnavailableError,
    ForbiddenError,
    HSIError,
    NotAuthenticatedError,
    NotSetUpError,
    TooLargeError,
    ValidationError,
)
from hsi.tokens import find_token, token_in

logger = logging.getLogger(__name__)

# Asks the database for nothing, whatever the request carries.
LIVENESS = "/health/live"
# Every path that answers without a login. A test walks the URL configuration and holds it against this.
OPEN_PATHS = frozenset({LIVENESS, "/health/ready", "/login", "/setup", "/favicon.ico"})
OPEN_PREFIXES = ("/static/",)
# For administrators, and for the addresses of METRICS_ALLOWED_ADDRESSES.
METRICS = "/metrics"
# What answers before there is a first user.
BEFORE_SETUP = frozenset({LIVENESS, "/setup", "/favicon.ico"})

NO_NUL = "Must hold no NUL character."

_set_up = False


def may_scrape(request: HttpRequest) -> bool:
    """Whether this asks for the metrics, from an address that may have them without a login."""
    allowed = settings.METRICS_ALLOWED_ADDRESSES
    return request.path == METRICS and is_in(client_address(request.META), allowed)


def is_set_up() -> bool:
    """Whether a user exists. Once true it is not asked again."""
    global _set_up
    _set_up = _set_up or get_user_model().objects.exists()
    return _set_up


class GateMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        audit.on_behalf_of(request)
        if request.path == LIVENESS or request.path.startswith(OPEN_PREFIXES):
            return None
        try:
            _refuse_nonsense(request)
            return self._let_in(request)
        except (DatabaseError, InterfaceError) as error:
            logger.error("The database does not answer: %s", error)
            return problem.answer(request, DatabaseUnavailableError())
        except HSIError as error:
            return problem.answer(request, error)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        audit.on_behalf_of(None)
        return response

    def _let_in(self, request: HttpRequest) -> HttpResponseBase | None:
        """None lets the request in. Raises HSIError."""
        path = request.path
        if path not in BEFORE_SETUP and not is_set_up():
            return not_set_up(request)
        if text := token_in(request):
            self._with_token(request, text)
            return None
        if may_scrape(request):
            return None
        if path not in BEFORE_SETUP and request.user.is_authenticated:
            logcontext.add(user=request.user.pk)
            ratelimit.count(request, f"user{request.user.pk}", is_person=True)
            return None
        ratelimit.count(request, client_network(request.META))
        return None if path in OPEN_PATHS else not_signed_in(request)

    def _with_token(self, request: HttpRequest, text: str) -> None:
        network = client_network(request.META)
        ratelimit.refuse_guesser(network)
        token = find_token(text)
        if token is None:
            ratelimit.count_wrong(text, network)
            raise NotAuthenticatedError("The token is unknown, expired or revoked.")
        if not request.path.startswith(("/api/", "/health/")) and request.path != METRICS:
            raise ForbiddenError("Tokens are for the API; pages need a login.")
        request.user = token.user
        request.META["hsi.token"] = token
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # no cookie, so nothing to forge
        logcontext.add(user=token.user.pk)
        ratelimit.count(request, f"token{token.digest[:16]}")


def _refuse_nonsense(request: HttpRequest) -> None:
    """Raise for an address that no row could have, and for a body that nobody would read."""
    if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        wrong = [name for name, values in request.GET.lists() if "\0" in "".join(values)]
        raise ValidationError("The address holds a NUL character.", {name: [NO_NUL] for name in wrong})
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isascii() or not length.isdigit():
        raise ValidationError("Content-Length must be a whole number.")
    if len(length) > 18 or int(length) > bounds.longest_body_bytes(request.path):
        raise TooLargeError


def not_set_up(request: HttpRequest) -> HttpResponseBase:
    detail = (
        "There is no user yet. Open the set-up link that the server printed when it started, or start it with "
        "DJANGO_SUPERUSER_USERNAME and DJANGO_SUPERUSER_PASSWORD set."
    )
    if problem.wants_json(request):
        raise NotSetUpError(detail)
    return render(request, "hsi/not_set_up.html", {"detail": detail}, status=503)


def not_signed_in(request: HttpRequest) -> HttpResponseBase:
    if problem.wants_json(request):
        raise NotAuthenticatedError
    return redirect(f"{reverse('login')}?{urlencode({'next': request.get_full_path()})}")
