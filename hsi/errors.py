"""The errors of the system: one hierarchy, each with a stable code and an HTTP status.

`retryable` is the one bit the worker loop needs: False means that trying the same thing again
cannot help. `counts` is False where the failure says nothing about the job itself (the service
is not there), so that a job may wait for it as long as it takes.
"""

from __future__ import annotations

import math
from typing import Any


class HSIError(Exception):
    """Something this system knows how to name."""

    code = "INTERNAL_ERROR"
    status = 500
    retryable = True
    counts = True

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or (self.__doc__ or "").splitlines()[0])

    @property
    def detail(self) -> str:
        return str(self.args[0])

    @property
    def headers(self) -> dict[str, str]:
        """What belongs into the head of an HTTP answer that tells this."""
        return {}

    @property
    def members(self) -> dict[str, Any]:
        """What a problem document says beside the members that all have."""
        return {}


class ValidationError(HSIError):
    """Something in the request is not valid.

    `errors` are by field, where single fields are wrong.
    """

    code = "VALIDATION_ERROR"
    status = 400
    retryable = False

    def __init__(self, detail: str = "", errors: dict[str, Any] | None = None) -> None:
        super().__init__(detail or ("Some fields are not valid." if errors else ""))
        self.errors = errors

    @property
    def members(self) -> dict[str, Any]:
        return {"errors": self.errors} if self.errors else {}


class NotAuthenticatedError(HSIError):
    """Sign in, or send a token."""

    code = "NOT_AUTHENTICATED"
    status = 401
    retryable = False

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class ForbiddenError(HSIError):
    """You may not do this."""

    code = "FORBIDDEN"
    status = 403
    retryable = False


class CSRFError(ForbiddenError):
    """The form is too old, or was not sent by our own page. Go back, load the page again, and repeat it."""

    code = "CSRF_FAILED"


class NotFoundError(HSIError):
    """There is nothing here, or nothing you may see."""

    code = "NOT_FOUND"
    status = 404
    retryable = False


class ConflictError(HSIError):
    """What is there already does not allow this."""

    code = "CONFLICT"
    status = 409
    retryable = False


class BusyError(HSIError):
    """There is no room for this now. Ask again later."""

    code = "UNAVAILABLE"
    status = 503

    def __init__(self, detail: str = "", *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_seconds)}


class TooLargeError(HSIError):
    """The body of the request is too large."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413
    retryable = False


class RequestTimeoutError(HSIError):
    """The request took too long to arrive."""

    code = "REQUEST_TIMEOUT"
    status = 408


class RateLimitError(HSIError):
    """Too many requests. Come again a little later."""

    code = "RATE_LIMIT_EXCEEDED"
    status = 429

    def __init__(self, detail: str = "", *, wait_seconds: float) -> None:
        super().__init__(detail)
        self.wait_seconds = max(1, math.ceil(wait_seconds))

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.wait_seconds)}


class LockedOutError(RateLimitError):
    """Too many wrong passwords."""

    code = "LOGIN_LOCKED"


class DatabaseUnavailableError(HSIError):
    """The database cannot be reached or is not up to date."""

    code = "DATABASE_UNAVAILABLE"
    status = 503
    counts = False


class NotSetUpError(HSIError):
    """There is no user yet."""

    code = "NOT_SET_UP"
    status = 503


class MediaError(HSIError):
    """A file is not a picture or clip that can be used."""

    code = "MEDIA_ERROR"
    status = 422
    retryable = False


class AIServiceError(HSIError):
    """An AI service failed to answer.

    `http_status`, `body` (bounded text) and `retry_after_seconds` are what the service said.
    `against_service` is the one bit the circuit breaker needs: False where the service works, and
    it is this input, or what a model said about it, that failed.
    """

    code = "AI_SERVICE_ERROR"
    status = 503
    against_service = True

    def __init__(
        self,
        detail: str = "",
        *,
        service: str = "",
        http_status: int | None = None,
        body: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.service = service
        self.http_status = http_status
        self.body = body
        self.retry_after_seconds = retry_after_seconds


class AIServiceUnavailableError(AIServiceError):
    """An AI service is not there: unreachable, loading, overloaded, or refusing every input. The job can wait."""

    code = "AI_SERVICE_UNAVAILABLE"
    counts = False


class AIServiceRejectedError(AIServiceError):
    """An AI service refused this input (4xx) and takes others. The same input will be refused again."""

    code = "AI_SERVICE_REJECTED"
    status = 502
    retryable = False
    against_service = False


class AIServiceAnswerError(AIServiceError):
    """An AI service answered, but not in a way that can be used."""

    code = "AI_SERVICE_BAD_ANSWER"
    status = 502
    against_service = False


class AIServiceProtocolError(AIServiceAnswerError):
    """An AI service does not keep to its protocol: no JSON, or none of the agreed structure."""

    against_service = True


class CircuitOpenError(AIServiceUnavailableError):
    """An AI service failed too often and is left alone for a while. Nothing was asked."""

    code = "CIRCUIT_OPEN"
