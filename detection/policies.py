"""The policies of what was seen: whoever sees the camera sees it."""

from __future__ import annotations

from cameras.access import only_visible
from detection.models import Batch, Detection
from hsi.security.policy import Policy, register
from hsi.security.roles import Role

register(Policy(view=Role.VIEWER, rows=only_visible), Batch, Detection)
