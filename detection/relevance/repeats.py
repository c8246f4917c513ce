"""Cameras that send the same file again and again, and so are frozen.

Repeated files are duplicates and are not analysed, so that the view never sees them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from cameras.models import Camera, Upload
from cameras.view import record_view
from detection.models import Scene
from detection.relevance.view import PATIENCE, State, ViewMemory
from hsi.db import sql
from hsi.outbox import publish

CHECK_SECONDS = 60.0


def report_repeating_cameras(now: datetime) -> int:
    """Report the cameras whose newest files are all the same, over minutes. Return their number."""
    recent = Upload.objects.filter(
        state=Upload.State.DUPLICATE, received_at__gte=now - timedelta(seconds=3 * CHECK_SECONDS)
    )
    cameras = sorted(set(recent.order_by().values_list("camera", flat=True)))
    return sum(_report_frozen(camera) for camera in cameras if _repeated(camera))


def _repeated(camera_id: str) -> Upload | None:
    """Return the upload that all newest files of a camera repeat, or None."""
    pictures, time = PATIENCE[State.FROZEN]
    newest = list(Upload.objects.filter(camera=camera_id).newest_capture_first()[:pictures])
    originals = {upload.duplicate_of_id for upload in newest}
    if len(newest) < pictures or len(originals) > 1 or newest[0].duplicate_of is None:
        return None
    return newest[0].duplicate_of if newest[0].captured_at - newest[-1].captured_at >= time else None


def _report_frozen(camera_id: str) -> bool:
    with transaction.atomic():
        sql.lock(Camera, camera_id)
        original = _repeated(camera_id)  # a different picture may have come meanwhile
        scene = Scene.objects.select_for_update(no_key=True).filter(pk=camera_id).first()
        if original is None or scene is None:
            return False
        view = ViewMemory.from_json(scene.view)
        if not view.freeze(original.captured_at):
            return False
        scene.view = view.as_json()
        scene.save(update_fields=["view"])
        publish.publish(record_view(camera_id, view.state, original.captured_at))
    return True
