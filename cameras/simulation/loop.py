"""The drawn cameras as a loop of their own, beside the system that does not know they are drawn."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from cameras.simulation.camera import Simulation, demo_cameras
from hsi.workers.loop import Loop

CAMERAS = 3
SEED = 1
ONE_AT_A_TIME = 1


class SimulatedCameras(Loop):
    """Uploads into the camera folders what three drawn cameras see."""

    def __init__(self) -> None:
        super().__init__("simulated-cameras")
        self.simulation = Simulation(demo_cameras(settings.CAMERA_ROOT, CAMERAS, SEED))

    def step(self) -> float:
        pause = self.simulation.step(datetime.now(UTC), ONE_AT_A_TIME)
        self.done = self.simulation.uploaded
        return pause


def loops() -> list[Loop]:
    return [SimulatedCameras()]
