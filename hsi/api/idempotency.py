"""Execute a POST once that is sent several times with the same `Idempotency-Key`, and repeat its response.

The row of a key is written in the transaction of the request, so a crash leaves both or neither. Of two concurrent
requests, the second waits for the row of the first and gets its response. An error rolls back the row too, so the
client can repeat the request with the same key.

A stored response is only sent to users who may see it at that moment. The permissions of the view are checked before
every request. The `recheck` of the view checks the rows again before each replay.
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
from hsi.models import IdempotencyRecord

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 200

Post = Callable[..., Response]
# Called with the view, the stored data and the URL arguments. Returns the part of the data that the user may see now.
# Raises `Http404` if the request itself would find nothing now.
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
    """Decorate a fast `post` method. With a key, the request runs in a transaction.

    Before a replay, `recheck` checks the stored response: `found_again`, `by_role`, or a function of the view.
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
    """Recheck a response about one row: the queryset of the view must still contain it. Raise `Http404` otherwise."""
    get_object_or_404(view.get_queryset(), pk=pk)
    return data


def by_role(view: Any, data: Any, **parameters: Any) -> Any:
    """Recheck nothing, because the role alone decides and the permissions of the view were checked for this request."""
    return data


def key_of(request: Request) -> str:
    """Return the key of a request, or an empty string. Raise `InvalidRequestError` for a malformed key."""
    key: str = request.headers.get(HEADER, "")
    if len(key) > LONGEST or not (key.isascii() and key.isprintable()):
        raise ValidationError({HEADER: [f"Must be at most {LONGEST} printable ASCII characters."]})
    return key


def digest_of(request: Request, *parts: bytes) -> str:
    """Return the digest that identifies a request: method, address, and these parts of the body."""
    digest = hashlib.sha256()
    for part in (f"{request.method} {request.get_full_path()}".encode(), *parts):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def claim(request: Request, key: str, digest: str) -> IdempotencyRecord:
    """Return the row of this key, with or without a response.

    Raise `KeyReusedError` if it belongs to another request.
    """
    rows = IdempotencyRecord.objects.filter(user=request.user.pk, key=key)
    expired(timezone.now()).filter(user=request.user.pk, key=key).delete()
    try:
        with transaction.atomic():
            return IdempotencyRecord.objects.create(user_id=cast(int, request.user.pk), key=key, request=digest)
    except IntegrityError:
        row = rows.first()
    if row is None:
        raise KeyInUseError
    if row.request != digest:
        raise KeyReusedError
    return row


def keep(row: IdempotencyRecord, response: Response) -> None:
    """Store the response, unless one is stored already."""
    data, location = response.data, response.headers.get("Location", "")
    IdempotencyRecord.objects.filter(pk=row.pk, status=None).update(
        status=response.status_code, data=data, location=location
    )


def replay(row: IdempotencyRecord, data: Any) -> Response:
    """Return the stored response. `data` is the part that the user may see now."""
    headers = {REPLAYED: "true", **({"Location": row.location} if row.location else {})}
    return Response(data, row.status, headers=headers)


def expired(now: datetime) -> QuerySet[IdempotencyRecord]:
    """Return the stored responses that are too old to be replayed."""
    return IdempotencyRecord.objects.filter(created_at__lt=now - timedelta(hours=settings.IDEMPOTENCY_HOURS))
