"""How cameras of different vendors name and write their files. `naming.file_names` reads these names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

# An FTP server writes a file in pieces. A reader that comes too early sees only some of them.
PIECE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Capture:
    """What a file name is made of: the camera's number and title, its local time, and why it took the picture."""

    number: int
    title: str
    local: datetime
    motion: bool


@dataclass(frozen=True, slots=True)
class SimulatedVendor:
    """A vendor's file names.

    `still` and `clip` return the path below the camera's folder. `clip` is None if the vendor sends none. `resolution`
    is the precision of the time in names: two uploads with a smaller difference would overwrite each other.
    `temporary` is the suffix while a file is written. If it is empty, files are written in place.
    """

    name: str
    still: Callable[[Capture], str]
    clip: Callable[[Capture], str] | None = None
    resolution: timedelta = timedelta(seconds=1)
    temporary: str = ""

    def write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.with_name(path.name + self.temporary)
        with target.open("wb", buffering=0) as file:
            for start in range(0, len(data), PIECE_BYTES):
                file.write(data[start : start + PIECE_BYTES])
        if self.temporary:
            target.rename(path)


def _foscam(capture: Capture) -> str:
    kind = "MDAlarm" if capture.motion else "Schedule"
    return f"R2_00626E{capture.number:06X}/snap/{kind}_{capture.local:%Y%m%d-%H%M%S}.jpg"


def _amcrest(capture: Capture) -> str:
    kind = "M" if capture.motion else "R"
    return (
        f"AMC{capture.number:05d}EA7C31/{capture.local:%Y-%m-%d}/001/jpg/{capture.local:%H/%M/%S}[{kind}][0@0][0].jpg"
    )


def _reolink(capture: Capture) -> str:
    return f"{capture.local:%Y/%m/%d}/{capture.title}_01_{capture.local:%Y%m%d%H%M%S}.jpg"


def _reolink_clip(capture: Capture) -> str:
    return _reolink(capture).removesuffix(".jpg") + ".mp4"


def _hikvision(capture: Capture) -> str:
    kind = "MOTION_DETECTION" if capture.motion else "TIMING"
    time = f"{capture.local:%Y%m%d%H%M%S}{capture.local.microsecond // 1000:03d}"
    return f"{capture.local:%Y%m%d}/192.168.0.{capture.number % 250 + 1}_01_{time}_{kind}.jpg"


def _vivotek(capture: Capture) -> str:
    return f"Snapshot_{capture.local:%Y%m%d%H%M%S}_1_{'trg' if capture.motion else 'pre'}.jpg"


def _annke(capture: Capture) -> str:
    return f"SNAP_CH01_{capture.local:%Y_%m_%d_%H_%M_%S}_{10000 + capture.local.microsecond // 1000}.jpg"


VENDORS: tuple[SimulatedVendor, ...] = (
    SimulatedVendor("Foscam", _foscam),
    SimulatedVendor("Amcrest", _amcrest, temporary=".tmp"),
    SimulatedVendor("Reolink", _reolink, clip=_reolink_clip),
    SimulatedVendor("Hikvision", _hikvision, resolution=timedelta(milliseconds=1), temporary=".part"),
    SimulatedVendor("Vivotek", _vivotek),
    SimulatedVendor("Annke", _annke, resolution=timedelta(milliseconds=1)),
)
