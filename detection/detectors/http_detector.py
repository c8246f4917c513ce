"""What the detectors behind an HTTP service share: the service of `RTDETR_URL`, and the reading of its answers."""

from __future__ import annotations

from typing import Self

from django.conf import settings

from detection.detectors import Detector
from detection.detectors.postprocessing import Sieve
from detection.detectors.responses import AnswerReader
from hsi.errors import AIServiceUnavailableError
from hsi.outbound.ai_service import AIService


class HttpDetector(Detector):
    """The service at `url`. `health_timeout` bounds `check`, the other two bound `detect` (seconds)."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str = "",
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        health_timeout: float = 5.0,
    ) -> None:
        self.service = AIService(
            self.name,
            url,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            headers=self._headers(api_key),
        )
        self._api_key = api_key
        self._health_timeout = health_timeout
        self._reader = AnswerReader(self.name)
        self._sieve = Sieve(self.name)

    @classmethod
    def from_settings(cls) -> Self:
        """Return the detector of `RTDETR_URL`. Raise `AIServiceUnavailableError` if the setting is empty."""
        if not settings.RTDETR_URL:
            raise AIServiceUnavailableError("RTDETR_URL is not set", service=cls.name)
        return cls(
            settings.RTDETR_URL,
            api_key=settings.RTDETR_API_KEY,
            connect_timeout=settings.AI_CONNECT_TIMEOUT,
            read_timeout=settings.RTDETR_READ_TIMEOUT,
            health_timeout=settings.AI_HEALTH_TIMEOUT,
        )

    def close(self) -> None:
        self.service.close()

    def _headers(self, api_key: str) -> dict[str, str] | None:
        """Return the headers of every request. A service that takes the key elsewhere needs none."""
        return None
