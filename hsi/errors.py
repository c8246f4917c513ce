"""The errors of the system: one hierarchy, each with a stable code and an HTTP status.

`retryable` is the one bit the worker loop needs: False means that trying the same thing again
cannot help. `counts` is False where the failure says nothing about the job itself (the service
is not there), so that a job may wait for it as long as it takes.
"""

from __future__ import annotations


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
        """What an answer about this says beside its body."""
        return {}


class NotFoundError(HSIError):
    """There is nothing here, or nothing you may see."""

    code = "NOT_FOUND"
    status = 404
    retryable = False


class ConflictError(HSIError):
    """It is not in a state in which that can be done."""

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
    """The body is too large."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413
    retryable = False


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
    """An AI service is not there: refused, unreachable, loading or overloaded. The job can wait."""

    code = "AI_SERVICE_UNAVAILABLE"
    counts = False


class AIServiceRejectedError(AIServiceError):
    """An AI service refused this input (4xx). The same input will be refused again."""

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
