"""DeepStack and CodeProject.AI: `POST /v1/vision/detection` at the address of `RTDETR_URL`, one call per picture."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from cameras.media.picture import Picture
from detection.detectors import LIMITS, DetectedObject, reference_picture
from detection.detectors.postprocessing import RawObject, Sieve, threshold
from detection.detectors.responses import AnswerReader
from hsi.errors import AIServiceUnavailableError
from hsi.outbound.ai_service import AIService


class DeepStackDetector:
    """The service at `url`. `api_key` is sent in the form, as DeepStack expects it.

    `health_timeout` bounds `check`, the other two bound `detect` (seconds).
    """

    name = "deepstack"
    limits = LIMITS[name]
    version = ""

    def __init__(
        self,
        url: str,
        *,
        api_key: str = "",
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        health_timeout: float = 5.0,
    ) -> None:
        self.service = AIService(self.name, url, connect_timeout=connect_timeout, read_timeout=read_timeout)
        self._api_key = api_key
        self._health_timeout = health_timeout
        self._reader = AnswerReader(self.name)
        self._sieve = Sieve(self.name)

    def detect(self, picture: Picture) -> list[DetectedObject]:
        size = picture.size
        reply = self.service.ask(
            "/v1/vision/detection", known_good=lambda: self._form(reference_picture.picture()), **self._form(picture)
        )
        answer = self._reader.answer(reply)
        claims = [self._claim(item) for item in self._reader.items(answer, "predictions")]
        return self._sieve.objects(claims, size)

    def check(self) -> str:
        """Check the ping of CodeProject.AI. DeepStack has no ping, so any answer counts as healthy."""
        try:
            answer = self.service.get_json("/v1/status/ping", timeout=self._health_timeout)
        except AIServiceUnavailableError as error:
            if error.http_status == 404:
                return "DeepStack service answers; it has no health page"
            raise
        if self._reader.fields(answer, "its health").get("success") is not True:
            raise AIServiceUnavailableError(f"{self.name} is not ready", service=self.name)
        return "CodeProject.AI service answers"

    def close(self) -> None:
        self.service.close()

    def _form(self, picture: Picture) -> dict[str, Any]:
        fields = {"min_confidence": f"{threshold():g}"}
        if self._api_key:
            fields["api_key"] = self._api_key
        return {"files": {"image": ("picture", picture.encoded, picture.content_type)}, "data": fields}

    def _claim(self, item: Any) -> RawObject:
        reader = self._reader
        fields = reader.fields(item, "a prediction")
        left, top, right, bottom = (
            reader.number(fields.get(name), name) for name in ("x_min", "y_min", "x_max", "y_max")
        )
        confidence = reader.number(fields.get("confidence"), "confidence")
        return RawObject(reader.text(fields, "label"), confidence, left, top, right, bottom)


def from_settings() -> DeepStackDetector:
    """Return the detector of `RTDETR_URL`. Raise `AIServiceUnavailableError` if the setting is empty."""
    if not settings.RTDETR_URL:
        raise AIServiceUnavailableError("RTDETR_URL is not set", service=DeepStackDetector.name)
    return DeepStackDetector(
        settings.RTDETR_URL,
        api_key=settings.RTDETR_API_KEY,
        connect_timeout=settings.AI_CONNECT_TIMEOUT,
        read_timeout=settings.RTDETR_READ_TIMEOUT,
        health_timeout=settings.AI_HEALTH_TIMEOUT,
    )
