"""The hierarchy of errors. Each error has a stable code and an HTTP status.

The worker loop reads two flags. `retryable` is False when another attempt cannot help. `counts` is False
when the failure says nothing about the job, for example because a service is down. Such a job waits for the
service without using up its attempts.

`retry_after_seconds` is the wait after which another attempt is worthwhile. `http_status` and `body` (truncated
text) come from the response of a service that we called. All three are None or empty where they are unknown.
"""

from __future__ import annotations

import math
from typing import Any


class HSIError(Exception):
    """An internal error occurred."""

    code = "INTERNAL_ERROR"
    status = 500
    retryable = True
    counts = True
    retry_after_seconds: float | None = None
    http_status: int | None = None
    body = ""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or (self.__doc__ or "").splitlines()[0])

    @property
    def detail(self) -> str:
        return str(self.args[0])

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of an HTTP response for this error."""
        return {}

    @property
    def members(self) -> dict[str, Any]:
        """Return the members that a problem document has for this error only."""
        return {}


class InvalidRequestError(HSIError):
    """The request is not valid.

    `errors` maps the name of each invalid field to its messages.
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
    """Authentication is required. Sign in or send a token."""

    code = "NOT_AUTHENTICATED"
    status = 401
    retryable = False

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class ForbiddenError(HSIError):
    """You do not have permission to do this."""

    code = "FORBIDDEN"
    status = 403
    retryable = False


class CSRFError(ForbiddenError):
    """The form has expired or was not sent from this site. Reload the page and try again."""

    code = "CSRF_FAILED"


class NotFoundError(HSIError):
    """The requested object does not exist, or you may not see it."""

    code = "NOT_FOUND"
    status = 404
    retryable = False


class ConflictError(HSIError):
    """The request conflicts with the current state."""

    code = "CONFLICT"
    status = 409
    retryable = False


class RetryLaterError(HSIError):
    """The request cannot be served now. Try again later."""

    retry_after_seconds: float

    def __init__(self, detail: str = "", *, retry_after_seconds: float) -> None:
        super().__init__(detail)
        self.retry_after_seconds = max(1, math.ceil(retry_after_seconds))

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_seconds)}


class BusyError(RetryLaterError):
    """The server is busy. Try again later."""

    code = "UNAVAILABLE"
    status = 503


class PayloadTooLargeError(HSIError):
    """The request body is too large."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413
    retryable = False


class RequestTimeoutError(HSIError):
    """The request took too long to arrive."""

    code = "REQUEST_TIMEOUT"
    status = 408


class RateLimitError(RetryLaterError):
    """Too many requests. Try again later."""

    code = "RATE_LIMIT_EXCEEDED"
    status = 429


class LockedOutError(RateLimitError):
    """Too many failed logins."""

    code = "LOGIN_LOCKED"


class DatabaseUnavailableError(HSIError):
    """The database cannot be reached or lacks migrations."""

    code = "DATABASE_UNAVAILABLE"
    status = 503
    counts = False


class NotSetUpError(HSIError):
    """The first administrator has not been created yet."""

    code = "NOT_SET_UP"
    status = 503


class MediaError(HSIError):
    """The file is not a usable picture or clip."""

    code = "MEDIA_ERROR"
    status = 422
    retryable = False


class AIServiceError(HSIError):
    """An AI service failed to answer.

    The circuit breaker reads `against_service`. It is False when the service works and only this input, or the
    answer of the model to it, failed.
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
    """An AI service is unavailable: unreachable, loading, overloaded, or rejecting every input. The job can wait."""

    code = "AI_SERVICE_UNAVAILABLE"
    counts = False


class AIServiceRejectedError(AIServiceError):
    """An AI service rejected this input (4xx) but accepts others. It will reject the same input again."""

    code = "AI_SERVICE_REJECTED"
    status = 502
    retryable = False
    against_service = False


class AIServiceAnswerError(AIServiceError):
    """An AI service sent an unusable answer."""

    code = "AI_SERVICE_BAD_ANSWER"
    status = 502
    against_service = False


class AIServiceProtocolError(AIServiceAnswerError):
    """An AI service broke its protocol: the answer is not JSON or has the wrong structure."""

    against_service = True


class CircuitOpenError(AIServiceUnavailableError):
    """The circuit breaker of an AI service is open after repeated failures. No request was sent."""

    code = "CIRCUIT_OPEN"
