"""The built-in detector: OpenCV's HOG people detector. It needs no model file and finds only upright people.

It works on one grey copy whose longer edge has 640 to 768 pixels. It finds people of at least about 90 pixels in that
copy, which is roughly a quarter of the height of a wide picture.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.media.picture import Picture
from detection.detectors import LIMITS, DetectedObject, Detector
from detection.detectors.postprocessing import RawObject, Sieve
from detection.detectors.suppression import strongest
from hsi.errors import AIServiceError, AIServiceUnavailableError

# Longer edge of the working copy. Larger pictures are scaled down to LARGEST to save time. Smaller ones are scaled up
# to SMALLEST, at most by two, because the window is 128 pixels tall.
LARGEST, SMALLEST, MOST_ENLARGED = 768, 640, 2.0
WINDOW = (64, 128)

# Platt scaling of the SVM's margin: confidence = 1 / (1 + exp(-SLOPE * (margin - EVEN_MARGIN))).
# Chosen on 40 frames of OpenCV's vtest.avi, on drawn people by day and by (noisy) night, and, for
# what is wrong, on the same frames upside down, on the empty background and on drawn scenes without
# people. Clear people have margins of 1 to 5 (median 2), hits on anything else hardly any above 1.
# At 0.7 nine people in ten are above one half; one unit of margin multiplies the odds by e.
EVEN_MARGIN, SLOPE = 0.7, 1.0

# The window has a margin of 16 pixels around a person. These shares of the window (left, top, width, height) are the
# person, as in OpenCV's people sample.
PERSON_IN_WINDOW = (0.1, 0.07, 0.8, 0.8)
SAME_PERSON_OVERLAP = 0.4


class OpenCVDetector(Detector):
    """Find people. Each thread has its own descriptor, because OpenCV does not document thread safety."""

    name = "opencv"
    limits = LIMITS[name]

    def __init__(self) -> None:
        if not hasattr(cv2, "HOGDescriptor"):
            raise AIServiceUnavailableError(
                f"OpenCV {cv2.__version__} has no people detector; 4.x has", service=self.name
            )
        self._own = threading.local()
        self._sieve = Sieve(self.name)

    def detect(self, picture: Picture) -> list[DetectedObject]:
        size = picture.size
        factor = working_factor(size)
        width, height = max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
        reduced = picture.reduced((width, height), "L")
        grey = working_copy(np.asarray(reduced, dtype=np.uint8), (width, height))
        try:
            windows, margins = self._descriptor().detectMultiScale(grey, winStride=(8, 8), padding=(16, 16), scale=1.1)
        except cv2.error as error:
            raise AIServiceError(f"OpenCV failed: {error}", service=self.name) from error
        claims = people(windows, margins, width / size[0], height / size[1])
        return self._sieve.objects(claims, size)

    def check(self) -> str:
        return f"HOG people detector of OpenCV {cv2.__version__}"

    def close(self) -> None:
        self._own = threading.local()

    def _descriptor(self) -> cv2.HOGDescriptor:
        descriptor = getattr(self._own, "descriptor", None)
        if descriptor is None:
            descriptor = self._own.descriptor = cv2.HOGDescriptor()
            descriptor.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
        return descriptor


def working_factor(size: tuple[int, int]) -> float:
    """Return the scale factor of a picture of `size`."""
    longer = max(size)
    if longer > LARGEST:
        return LARGEST / longer
    return min(MOST_ENLARGED, SMALLEST / longer) if longer < SMALLEST else 1.0


def working_copy(grey: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the grey picture at `size` (at least the size of the window), smoothed and stretched.

    Night pictures are dark and noisy: of 45 simulated ones, people are found in 45 instead of 35.
    """
    if (grey.shape[1], grey.shape[0]) != size:
        shrinks = grey.shape[1] > size[0]
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)  # type: ignore[assignment]
    missing_width, missing_height = max(0, WINDOW[0] - size[0]), max(0, WINDOW[1] - size[1])
    if missing_width or missing_height:
        grey = np.pad(grey, ((0, missing_height), (0, missing_width)), mode="edge")
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    return cv2.normalize(smooth, smooth, 0, 255, cv2.NORM_MINMAX)  # type: ignore[return-value]


def people(windows: object, margins: object, factor_x: float, factor_y: float) -> list[RawObject]:
    """Return a claim for each person, in pixels of the picture, from the windows (x, y, width, height) and margins."""
    rows = np.asarray(windows, dtype=np.float64).reshape(-1, 4)
    confidences = confidence(np.asarray(margins, dtype=np.float64).reshape(-1))
    edges = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:]])
    claims = []
    for index in strongest(["person"] * len(rows), confidences, edges, overlap=SAME_PERSON_OVERLAP):
        x, y, width, height = rows[index]
        left, top = x + width * PERSON_IN_WINDOW[0], y + height * PERSON_IN_WINDOW[1]
        right, bottom = left + width * PERSON_IN_WINDOW[2], top + height * PERSON_IN_WINDOW[3]
        found = (left / factor_x, top / factor_y, right / factor_x, bottom / factor_y)
        claims.append(RawObject("person", float(confidences[index]), *map(float, found)))
    return claims


def confidence(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert the margins of the SVM to confidences from 0 to 1."""
    # Beyond 60 the exponential has no effect and could overflow.
    return 1.0 / (1.0 + np.exp(-np.clip(SLOPE * (margins - EVEN_MARGIN), -60.0, 60.0)))
