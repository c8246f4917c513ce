"""A POST that is sent twice with the same `Idempotency-Key` is done once, and answered twice.

The row of a key is written in the transaction of what the request does: after a crash there are both or
neither. Of two that come at once the second one waits for that row, and is given what the first was answered.
An error undoes the row with everything else, so the same key may be tried again.

A kept answer is shown to whoever may see it now. The view's permissions (role and scope) are asked before every
request; which rows the user may see is asked again by the `recheck` of the view before each replay.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from hsi.errors import ConflictError, HSIError
from hsi.models import KeptAnswer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 200

Post = Callable[..., Response]
# Called with the view, the kept data and the parameters of the address. Returns what of the data its user may see now;
# raises `Http404` where the request itself would find nothing now.
Recheck = Callable[..., Any]
PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="A unique key per request. A repeated request with the same key is executed once.",
)


class KeyReusedError(HSIError):
    """This Idempotency-Key was used for a different request. Use a new key for each request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    status = 422
    retryable = False


class KeyInUseError(ConflictError):
    """A request with this Idempotency-Key is in progress. Try again later."""

    code = "IDEMPOTENCY_KEY_IN_USE"


def once(recheck: Recheck) -> Callable[[Post], Post]:
    """For a `post` that does nothing slow: it runs in a transaction where the request has a key.

    Before its answer is replayed, `recheck` looks at it: `found_again`, `by_role`, or one of the view's own.
    """

    def decorate(post: Post) -> Post:
        @functools.wraps(post)
        def answered(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = key_of(request)
            if not key:
                return post(view, request, *args, **kwargs)
            digest = digest_of(request, request._request.body)
            with transaction.atomic():
                row = claim(request, key, digest)
                if row.status is not None:
                    return replay(row, recheck(view, row.data, *args, **kwargs))
                response = post(view, request, *args, **kwargs)
                keep(row, response)
                return response

        answered.heeds_idempotency_key = True  # type: ignore[attr-defined]  # what the API's description looks for
        return answered

    return decorate


def found_again(view: Any, data: Any, pk: Any) -> Any:
    """For an answer about one row: the view's queryset must still have it. Raises `Http404`."""
    get_object_or_404(view.get_queryset(), pk=pk)
    return data


def by_role(view: Any, data: Any, **parameters: Any) -> Any:
    """For what is decided by the role alone: the view's permissions have been asked for this very request."""
    return data


def key_of(request: Request) -> str:
    """The key of a request, empty where it has none. Raises `ValidationError`."""
    key: str = request.headers.get(HEADER, "")
    if len(key) > LONGEST or not (key.isascii() and key.isprintable()):
        raise ValidationError({HEADER: [f"Must be at most {LONGEST} printable ASCII characters."]})
    return key


def digest_of(request: Request, *parts: bytes) -> str:
    """What tells one request from another: its method, its address and these parts of its body."""
    digest = hashlib.sha256()
    for part in (f"{request.method} {request.get_full_path()}".encode(), *parts):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def claim(request: Request, key: str, digest: str) -> KeptAnswer:
    """The row of this key, with or without an answer. Raises `KeyReusedError` where it is another request's."""
    rows = KeptAnswer.objects.filter(user=request.user.pk, key=key)
    expired(timezone.now()).filter(user=request.user.pk, key=key).delete()
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(user_id=cast(int, request.user.pk), key=key, request=digest)
    except IntegrityError:
        row = rows.first()
    if row is None:
        raise KeyInUseError
    if row.request != digest:
        raise KeyReusedError
    return row


def keep(row: KeptAnswer, response: Response) -> None:
    """Store the answer, unless there is one already."""
    data, location = response.data, response.headers.get("Location", "")
    KeptAnswer.objects.filter(pk=row.pk, status=None).update(status=response.status_code, data=data, location=location)


def replay(row: KeptAnswer, data: Any) -> Response:
    """The kept answer once more. `data` is what of it the user may see now."""
    headers = {REPLAYED: "true", **({"Location": row.location} if row.location else {})}
    return Response(data, row.status, headers=headers)


def expired(now: datetime) -> QuerySet[KeptAnswer]:
    """Return the answers that are too old to be sent again."""
    return KeptAnswer.objects.filter(created_at__lt=now - timedelta(hours=settings.IDEMPOTENCY_HOURS))
