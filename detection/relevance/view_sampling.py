"""Which pictures get a signature: at most one every few seconds for each camera."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import numpy as np

from cameras.media.formats import MediaFaultError
from cameras.media.picture import Picture
from detection.relevance.signature import Signature
from detection.relevance.view import INTERVAL

logger = logging.getLogger(__name__)

LEAST_SIZE = (320, 180)  # (width, height) of a picture that is decoded for its signature

# Capture times by camera, in this process. Only the view itself decides what it looks at; this saves work.
_last_at: dict[str, datetime] = {}


def signature_if_due(
    picture: Picture, camera_id: str, captured_at: datetime, offset_seconds: float | None
) -> Signature | None:
    """Return the signature of a picture, or None if a picture of nearly the same time has one.

    Call it after the detector, which has decoded most pictures. For a detector that decodes the file itself, a reduced
    picture is decoded here.
    """
    at = captured_at + timedelta(seconds=offset_seconds or 0)
    last = _last_at.get(camera_id)
    if last is not None and abs(at - last) < INTERVAL:
        return None
    try:
        pixels = np.asarray(picture.small(LEAST_SIZE), dtype=np.uint8)
    except MediaFaultError as error:
        logger.warning("A picture of camera %s has no signature: %s", camera_id, error)
        return None
    _last_at[camera_id] = at
    from detection.relevance.measure import signature_of  # OpenCV is loaded with the first picture

    # Codecs copy unchanged parts from one frame to the next, so only the first frame can show that a camera is frozen.
    return signature_of(pixels, with_tiles=not offset_seconds)
