"""The policies of cameras and their files: a user with a grant for a camera sees its rows."""

from __future__ import annotations

from functools import partial

from cameras.access import only_visible
from cameras.models import Camera, CameraGrant, Garbage, IntakeProblem, Upload, Zone
from hsi.security.policy import Policy, register
from hsi.security.roles import Role

register(Policy(view=Role.VIEWER, rows=partial(only_visible, field="pk")), Camera)
register(Policy(view=Role.VIEWER, rows=only_visible), Zone)
register(Policy(view=Role.VIEWER, change=Role.OPERATOR, rows=only_visible), Upload)
# Only for administrators: grants, and paths of files that may belong to any camera or to none.
register(Policy(), CameraGrant, Garbage, IntakeProblem)
