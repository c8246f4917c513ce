"""The policies of detections and batches: a user who sees the camera sees them."""

from __future__ import annotations

from cameras.access import only_visible
from detection.models import Batch, Detection, Scene, StaticObject
from hsi.security.policy import Policy, register
from hsi.security.roles import Role

register(Policy(view=Role.VIEWER, rows=only_visible), Batch, Detection)
register(Policy(view=Role.VIEWER, delete=Role.OPERATOR, rows=only_visible), StaticObject)
register(Policy(), Scene)  # candidates, which nothing shows
