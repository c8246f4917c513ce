"""Authentication and permissions of the REST framework: the token or session, the policies and the scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission

from hsi.http.request_state import state_of
from hsi.models import ApiToken
from hsi.security import policy
from hsi.security.authentication import may_read_metrics
from hsi.security.policy import Act
from hsi.security.roles import Person, is_admin

if TYPE_CHECKING:  # the framework imports this module while it sets itself up
    from rest_framework.request import Request
    from rest_framework.views import APIView


class TokenOrSessionAuthentication(SessionAuthentication):
    """Take the token that the middleware has authenticated, or the session with its CSRF check."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        token = state_of(request._request).token
        if token is not None:
            return token.user, token
        return super().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class PolicyPermission(BasePermission):
    """Apply the policy of the `subject` of the view. A token also needs the scope of the policy; `admin` covers all.

    A POST counts as a change, unless the attribute `posting` of the view says otherwise.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        subject, act = subject_of(view), act_of(request, view)
        rule = policy.policy_for(subject)
        self.message = f"This needs the role {rule.role(act).group}. A token also needs the scope {rule.scope(act)}."
        return allows(request.user, request.auth, act, subject)


class MetricsPermission(BasePermission):
    """Allow metrics to allowed addresses, and to administrators with any token.

    Metrics cover all cameras together, so the scope `read` is enough for a scraper.
    """

    message = "Metrics need the role admin."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if may_read_metrics(request._request):
            return True
        return is_admin(request.user) and has_scope(request, "read")


def allows(user: Person, token: Any, act: Act, subject: type) -> bool:
    """Return whether `user`, with `token` or with a session (None), may do this to `subject`."""
    return policy.may(user, act, subject) and covers(token, policy.policy_for(subject).scope(act))


def subject_of(view: APIView) -> type:
    subject: type | None = getattr(view, "subject", None)
    if subject is None:
        raise policy.NoPolicyError(f"{type(view).__name__} does not say by its subject whose policy it follows")
    return subject


def act_of(request: Request, view: APIView) -> Act:
    if request.method in SAFE_METHODS:
        return "view"
    if request.method == "POST":
        posting: Act = getattr(view, "posting", "change")
        return posting
    return "delete" if request.method == "DELETE" else "change"


def has_scope(request: Request, needed: str) -> bool:
    """Return whether the token of a request has this scope, or `admin`."""
    return covers(request.auth, needed)


def covers(token: Any, needed: str) -> bool:
    """Return whether `token` has this scope, or `admin`. A session needs no scope."""
    return not isinstance(token, ApiToken) or not {needed, "admin"}.isdisjoint(token.scopes)
