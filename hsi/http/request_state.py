"""What our middleware adds to a request: typed, and in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

if TYPE_CHECKING:
    from hsi.models import ApiToken


@dataclass(frozen=True, slots=True)
class FormChange:
    """A change made by a form of the admin: values by field before and after, and the changes of its inline rows."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    rows: Sequence[Any]


@dataclass(slots=True)
class RequestState:
    """`token` is the token of an API client; None for a session. `request_id` is also in every log line."""

    request_id: str = ""
    token: ApiToken | None = None
    rate_limit_headers: Mapping[str, str] = field(default_factory=dict)
    form_change: FormChange | None = None


_ATTRIBUTE = "_hsi_state"


def state_of(request: HttpRequest) -> RequestState:
    """Return the state of `request`, which starts empty."""
    state: RequestState | None = request.__dict__.get(_ATTRIBUTE)
    if state is None:
        state = request.__dict__[_ATTRIBUTE] = RequestState()
    return state
