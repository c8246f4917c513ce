"""The gate: nothing is seen without a login or a token, except an explicit list, and nobody comes too often.

A request is counted before anything of it is parsed, looked up or logged. Until the first user exists everything
else answers 503 and says how to set the system up.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from hsi import audit
from hsi.errors import (
    DatabaseUnavailableError,
    ForbiddenError,
    HSIError,
    NotAuthenticatedError,
    NotSetUpError,
    RateLimitError,
    TooLargeError,
    ValidationError,
)
from hsi.http import body_limits, problem, refusal_log
from hsi.http.client_address import client_address, client_network, is_in
from hsi.logs import context
from hsi.models import ApiToken
from hsi.security import rate_limit
from hsi.security.credentials import session_key
from hsi.security.tokens import find_token, token_in

logger = logging.getLogger(__name__)

# Asks the database for nothing, whatever the request carries.
LIVENESS = "/health/live"
# What a supervisor asks, by whatever name it knows this machine.
PROBES = frozenset({LIVENESS, "/health/ready"})
# Every path that answers without a login. A test walks the URL configuration and holds it against this.
OPEN_PATHS = frozenset({*PROBES, "/login", "/setup", "/favicon.ico"})
OPEN_PREFIXES = ("/static/",)
# For administrators, and for the addresses of METRICS_ALLOWED_ADDRESSES.
METRICS = "/metrics"
# What answers before there is a first user.
BEFORE_SETUP = frozenset({LIVENESS, "/setup", "/favicon.ico"})
# What tokens are for. Nothing else learns who a token belongs to.
TOKEN_PREFIXES = ("/api/", "/health/")

NO_NUL = "Must hold no NUL character."

_set_up = False


class ForeignHostError(ValidationError):
    """The host name of the request is not in ALLOWED_HOSTS."""


def may_scrape(request: HttpRequest) -> bool:
    """Whether this asks for the metrics, from an address that may have them without a login."""
    allowed = settings.METRICS_ALLOWED_ADDRESSES
    return request.path_info == METRICS and is_in(client_address(request.META), allowed)


def is_set_up() -> bool:
    """Whether a user exists. Once true it is not asked again."""
    global _set_up
    _set_up = _set_up or get_user_model().objects.exists()
    return _set_up


class GateMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        audit.on_behalf_of(request)
        if request.path_info == LIVENESS:
            _accept_any_host(request)
            return None
        try:
            return self._let_in(request)
        except (DatabaseError, InterfaceError) as error:
            logger.error("The database does not answer: %s", error)
            return problem.answer(request, DatabaseUnavailableError())
        except ForeignHostError as error:
            refusal_log.note(client_network(request.META), "it asks for a host name that is not ours")
            return problem.brief(error)
        except HSIError as error:
            if isinstance(error, RateLimitError):
                refusal_log.note(client_network(request.META), "too many requests")
            return problem.answer(request, error)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        audit.on_behalf_of(None)
        _note_new_session(request)
        return response

    def _let_in(self, request: HttpRequest) -> HttpResponseBase | None:
        """None lets the request in. Raises HSIError."""
        path, network = request.path_info, client_network(request.META)
        token = token_in(request)
        session = "" if token else _session_to_look_up(request, network)
        if not token and not session and not may_scrape(request):
            rate_limit.count(request, network)
        _require_our_host(request)
        _refuse_nonsense(request)
        if path not in BEFORE_SETUP and not is_set_up():
            return not_set_up(request)
        if token:
            _with_token(request, token, network)
            return None
        if may_scrape(request):
            return None
        if session and path not in BEFORE_SETUP:
            if request.user.is_authenticated:
                rate_limit.note_right(session)
                context.add(user=request.user.pk)
                rate_limit.count(request, f"user{request.user.pk}", is_person=True)
                return None
            rate_limit.note_wrong(network)
        if session:
            rate_limit.count(request, network)
        return None if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES) else not_signed_in(request)


def authenticate(text: str, network: str) -> ApiToken:
    """Return the token with this text, which `network` showed. Raises RateLimitError and NotAuthenticatedError."""
    rate_limit.refuse_lookup(text, network)
    token = find_token(text)
    if token is None:
        rate_limit.note_wrong(network)
        raise NotAuthenticatedError("The token is unknown, expired or revoked.")
    rate_limit.note_right(text)
    return token


def _with_token(request: HttpRequest, text: str, network: str) -> None:
    """Note the token at the request, where the REST framework finds it. A page sees nobody: it needs a session."""
    token = authenticate(text, network)
    if not request.path_info.startswith(TOKEN_PREFIXES) and request.path_info != METRICS:
        raise ForbiddenError("Tokens are accepted by the API only. Sign in to open pages.")
    request.user = AnonymousUser()
    request.META["hsi.token"] = token
    context.add(user=token.user.pk)
    rate_limit.count(request, f"token{token.digest[:16]}")


def _session_to_look_up(request: HttpRequest, network: str) -> str:
    """Return the key of the session that the request shows; where too many were wrong, it counts as none."""
    key = session_key(request)
    try:
        if key:
            rate_limit.refuse_lookup(key, network)
    except RateLimitError:
        request.user = AnonymousUser()
        return ""
    return key


def _note_new_session(request: HttpRequest) -> None:
    """Who has just signed in is known from now on."""
    session = getattr(request, "session", None)
    if session is not None and session.modified and session.session_key not in (None, session_key(request)):
        rate_limit.note_right(session.session_key)


def _require_our_host(request: HttpRequest) -> None:
    """Raise ForeignHostError for a host name that is not ours, before anything answers with it."""
    try:
        request.get_host()
    except DisallowedHost:
        if request.path_info not in PROBES:
            raise ForeignHostError from None
        _accept_any_host(request)


def _accept_any_host(request: HttpRequest) -> None:
    """A supervisor's request goes on under a name of ours: the answer does not depend on it."""
    request.META["HTTP_HOST"] = "localhost"


def _refuse_nonsense(request: HttpRequest) -> None:
    """Raise for an address that no row could have, and for a body that nobody would read."""
    if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
        wrong = [name for name, values in request.GET.lists() if "\0" in "".join(values)]
        raise ValidationError("The address contains a NUL character.", {name: [NO_NUL] for name in wrong})
    length = body_limits.content_length(request.META.get("CONTENT_LENGTH", ""))
    if length > body_limits.longest_body_bytes(request.path_info):
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
