"""Authentication of requests: every path needs a login or a token, except an explicit list.

A request is counted against its rate limit before anything of it is parsed, looked up or logged. Until the first
user exists, every other path answers 503 and explains the set-up.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from hsi import audit, process_state
from hsi.errors import (
    DatabaseUnavailableError,
    ForbiddenError,
    HSIError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotSetUpError,
    PayloadTooLargeError,
    RateLimitError,
)
from hsi.http import body_limits, problem, refusal_log
from hsi.http.client_address import client_address, client_network, is_in
from hsi.http.request_state import state_of
from hsi.logs import context
from hsi.security import rate_limit
from hsi.security.credentials import look_up, require_token, session_key, token_text
from hsi.security.rate_limit import NO_CREDENTIAL, Credential

logger = logging.getLogger(__name__)

# Never reads the database.
LIVENESS = "/health/live"
# Health checks. They are answered for any host name.
PROBES = frozenset({LIVENESS, "/health/ready"})
# Every path that answers without a login. A test walks the URL configuration and holds it against this.
OPEN_PATHS = frozenset({*PROBES, "/login", "/setup", "/favicon.ico"})
OPEN_PREFIXES = ("/static/",)
# For administrators, and for the addresses of METRICS_ALLOWED_ADDRESSES.
METRICS = "/metrics"
# Paths that answer before there is a first user.
BEFORE_SETUP = frozenset({LIVENESS, "/setup", "/favicon.ico"})
# Paths that accept tokens.
TOKEN_PREFIXES = ("/api/", "/health/")

NO_NUL = "Must hold no NUL character."

_set_up = False


class ForeignHostError(InvalidRequestError):
    """The host name of the request is not in ALLOWED_HOSTS."""


def may_read_metrics(request: HttpRequest) -> bool:
    """Return whether this requests the metrics from an address that may read them without a login."""
    allowed = settings.METRICS_ALLOWED_ADDRESSES
    return request.path_info == METRICS and is_in(client_address(request.META), allowed)


def is_set_up() -> bool:
    """Return whether a user exists. A positive result is kept."""
    global _set_up
    _set_up = _set_up or get_user_model().objects.exists()
    return _set_up


def forget() -> None:
    """Look again whether a user exists."""
    global _set_up
    _set_up = False


process_state.register(forget)


class RequireAuthenticationMiddleware(MiddlewareMixin):
    """Reject requests that are not authenticated or too frequent, and record the user for the audit log."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        audit.on_behalf_of(request)
        if request.path_info == LIVENESS:
            _accept_any_host(request)
            return None
        try:
            return self._authenticate(request)
        except (DatabaseError, InterfaceError) as error:
            logger.error("The database does not answer: %s", error)
            return problem.render(request, DatabaseUnavailableError())
        except ForeignHostError as error:
            refusal_log.record(client_network(request.META), "host name not in ALLOWED_HOSTS")
            return problem.plain_text(error)
        except HSIError as error:
            if isinstance(error, RateLimitError):
                refusal_log.record(client_network(request.META), "too many requests")
            return problem.render(request, error)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        audit.on_behalf_of(None)
        _remember_new_session(request)
        return response

    def _authenticate(self, request: HttpRequest) -> HttpResponseBase | None:
        """Return None where the request may go on, or a response that ends it. Raises HSIError."""
        path, network = request.path_info, client_network(request.META)
        token = token_text(request)
        session = NO_CREDENTIAL if token else session_key(request)
        if not token and not session and not may_read_metrics(request):
            rate_limit.count(request, network)
        _require_our_host(request)
        _refuse_invalid(request)
        if path not in BEFORE_SETUP and not is_set_up():
            return not_set_up(request)
        if token:
            _with_token(request, token, network)
            return None
        if may_read_metrics(request):
            return None
        if session and path not in BEFORE_SETUP and _signed_in(request, session, network):
            context.add(user=request.user.pk)
            rate_limit.count(request, f"user{request.user.pk}", is_person=True)
            return None
        if session:
            rate_limit.count(request, network)
        return None if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES) else not_signed_in(request)


def _with_token(request: HttpRequest, text: Credential, network: str) -> None:
    """Authenticate by the token with this text, which the REST framework reads from the state of the request.

    `request.user` stays anonymous: pages need a session.
    """
    token = require_token(text, network)
    if not request.path_info.startswith(TOKEN_PREFIXES) and request.path_info != METRICS:
        raise ForbiddenError("Tokens are accepted by the API only. Sign in to open pages.")
    request.user = AnonymousUser()
    state_of(request).token = token
    context.add(user=token.user.pk)
    rate_limit.count(request, f"token{token.digest[:16]}")


def _signed_in(request: HttpRequest, key: Credential, network: str) -> bool:
    """Return whether the session with this key is valid. After too many invalid ones from `network` none is."""

    def user_of(_: Credential) -> AbstractBaseUser | None:
        return request.user if isinstance(request.user, AbstractBaseUser) else None

    try:
        return look_up(key, network, user_of) is not None
    except RateLimitError:
        request.user = AnonymousUser()
        return False


def _remember_new_session(request: HttpRequest) -> None:
    """Remember the session of a user who has just signed in as valid."""
    session = getattr(request, "session", None)
    if session is not None and session.modified and session.session_key not in (None, session_key(request)):
        rate_limit.remember_valid(Credential(session.session_key))


def _require_our_host(request: HttpRequest) -> None:
    """Raise ForeignHostError for a host name that is not ours, before any answer contains it."""
    try:
        request.get_host()
    except DisallowedHost:
        if request.path_info not in PROBES:
            raise ForeignHostError from None
        _accept_any_host(request)


def _accept_any_host(request: HttpRequest) -> None:
    """Replace the host name of a health check, whose answer does not depend on it."""
    request.META["HTTP_HOST"] = "localhost"


def _refuse_invalid(request: HttpRequest) -> None:
    """Raise for an address with a NUL character and for a body over the limit."""
    if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
        wrong = [name for name, values in request.GET.lists() if "\0" in "".join(values)]
        raise InvalidRequestError("The address contains a NUL character.", {name: [NO_NUL] for name in wrong})
    length = body_limits.content_length(request.META.get("CONTENT_LENGTH", ""))
    if length > body_limits.longest_body_bytes(request.path_info):
        raise PayloadTooLargeError


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
