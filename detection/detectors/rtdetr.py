"""RT-DETR as a service: `POST /detect` with a pooled client, one call per picture."""

from __future__ import annotations

from typing import Any

from cameras.media.picture import Picture
from detection.detectors import LIMITS, DetectedObject, reference_picture
from detection.detectors.http_detector import HttpDetector
from detection.detectors.postprocessing import RawObject
from detection.detectors.responses import readable
from hsi.errors import AIServiceUnavailableError


class RtDetrDetector(HttpDetector):
    """The service at `url`. `api_key` is sent in a header."""

    name = "rtdetr"
    limits = LIMITS[name]

    def detect(self, picture: Picture) -> list[DetectedObject]:
        size = picture.size
        reply = self.service.ask("/detect", known_good=lambda: _form(reference_picture.picture()), **_form(picture))
        answer = self._reader.answer(reply)
        self._refuse_other_picture(answer, size)
        claims = [self._claim(item) for item in self._reader.items(answer, "detections")]
        return self._sieve.objects(claims, size)

    def check(self) -> str:
        health = self._reader.fields(self.service.get_json("/health", timeout=self._health_timeout), "its health")
        status = health.get("status")
        if health.get("model_loaded") is False or status not in ("healthy", "ok", "degraded"):
            raise AIServiceUnavailableError(f"{self.name} is not ready: status {readable(status)}", service=self.name)
        return f"RT-DETR service answers, status {status}"

    def _headers(self, api_key: str) -> dict[str, str] | None:
        return {"X-API-Key": api_key} if api_key else None

    def _refuse_other_picture(self, answer: dict[str, Any], size: tuple[int, int]) -> None:
        """Reject an answer about a picture of another size, because boxes are in pixels of the sent picture."""
        claimed = (answer.get("image_width"), answer.get("image_height"))
        if any(said is not None and said != sent for said, sent in zip(claimed, size, strict=True)):
            raise self._reader.bad(
                f"answered for a picture of {claimed[0]}x{claimed[1]}, sent was {size[0]}x{size[1]}", claimed
            )

    def _claim(self, item: Any) -> RawObject:
        reader = self._reader
        fields = reader.fields(item, "a detection")
        label = reader.text(fields, "class")
        confidence = reader.number(fields.get("confidence"), "confidence")
        x, y, width, height = self._bbox(fields.get("bbox"))
        return RawObject(label, confidence, x, y, x + width, y + height)

    def _bbox(self, value: Any) -> tuple[float, ...]:
        """Return (x, y, width, height) from an object with these names, or from an array of four."""
        if isinstance(value, dict):
            value = [value.get(name) for name in ("x", "y", "width", "height")]
        if not isinstance(value, list) or len(value) != 4:
            raise self._reader.bad("answered with a bbox that is neither an object nor four numbers", value)
        return tuple(self._reader.number(number, "bbox") for number in value)


def _form(picture: Picture) -> dict[str, Any]:
    return {"files": {"file": (_file_name(picture.content_type), picture.encoded, picture.content_type)}}


def _file_name(content_type: str) -> str:
    """Return a neutral file name, because the name of the camera reveals more than a detector needs."""
    return "picture.png" if content_type == "image/png" else "picture.jpg"


from_settings = RtDetrDetector.from_settings
