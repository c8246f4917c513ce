"""DeepStack and CodeProject.AI: `POST /v1/vision/detection` at the address of `RTDETR_URL`, one call per picture."""

from __future__ import annotations

from typing import Any

from cameras.media.picture import Picture
from detection.detectors import LIMITS, DetectedObject, reference_picture
from detection.detectors.http_detector import HttpDetector
from detection.detectors.postprocessing import RawObject, threshold
from hsi.errors import AIServiceUnavailableError


class DeepStackDetector(HttpDetector):
    """The service at `url`. `api_key` is sent in the form, as DeepStack expects it."""

    name = "deepstack"
    limits = LIMITS[name]

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


from_settings = DeepStackDetector.from_settings
