"""Makes of cameras whose file names intake reads: what each calls the folder of its upload, and what a name looks like.

It is told to people who set a camera up. Intake asks nobody for the make: a name says by itself what it is.
"""

from __future__ import annotations

from dataclasses import dataclass

HOST, FOLDER = "{host}", "{folder}"


@dataclass(frozen=True, slots=True)
class Make:
    """`layout` is one of `intake.file_names`; `field` is what its menu calls the folder, `value` what goes there."""

    key: str
    name: str
    layout: str
    field: str
    value: str
    note: str
    example: str

    def path(self, folder: str, host: str) -> str:
        """What to enter in the camera's menu, for an FTP server on `host` whose start folder is the camera folder."""
        return self.value.replace(HOST, f"[{host}]" if ":" in host else host).replace(FOLDER, folder)


DIRECTORY = f"/{FOLDER}"
OTHER = Make(
    "", "Another make", "", "Remote directory, path or folder", DIRECTORY,
    "Any name is fine. Where it says no time, the EXIF data of the picture counts, or when the file arrived.",
    "any-name.jpg",
)  # fmt: skip
MAKES = (
    Make(
        "foscam", "Foscam", "foscam", "FTP server", f"ftp://{HOST}/{FOLDER}",
        "It has no field of its own for the folder: that is the end of the server's address. Below it, it makes a"
        " folder with its model and number.",
        "R2_00626E8A12F0/snap/MDAlarm_20240115-143052.jpg",
    ),
    Make(
        "amcrest", "Amcrest", "dahua", "Remote directory", DIRECTORY,
        "Below it, it makes folders with its serial number and the date. Folders and name together tell the time:"
        " let it build them as it likes.",
        "4M0123EA7C31/2024-01-15/001/jpg/14/30/52[M][0@0][0].jpg",
    ),
    Make(
        "dahua", "Dahua", "dahua", "Remote directory", DIRECTORY,
        "Below it, it makes folders with its serial number and the date. Folders and name together tell the time:"
        " let it build them as it likes.",
        "4M0123EA7C31/2024-01-15/pic_001/14.30.52[R][0@0][0].jpg",
    ),
    Make(
        "reolink", "Reolink", "reolink", "Remote directory", DIRECTORY,
        "Folders by date are optional. Send both pictures and clips if you like.",
        "2024/01/15/Front Door_01_20240115143052.jpg",
    ),
    Make(
        "hikvision", "Hikvision", "hikvision", "Parent directory (custom)", FOLDER,
        "Choose to save in the parent directory, and its own picture names: they tell the time to the millisecond.",
        "192.168.0.64_01_20240115143052422_MOTION_DETECTION.jpg",
    ),
    Make(
        "annke", "Annke", "annke", "Parent directory (custom)", FOLDER,
        "Leave its picture names as they are: they tell the time.",
        "SNAP_CH01_2024_01_15_14_30_52_23978.jpg",
    ),
    Make(
        "vivotek", "Vivotek", "vivotek", "FTP folder name", FOLDER,
        "Let it add date and time to the file name.",
        "Snapshot_20240115143052_4_trg.jpg",
    ),
    Make(
        "yi", "Yi", "yi", "FTP directory", DIRECTORY,
        "It uploads by FTP with a firmware that can, and sends clips. Names repeat; that is no harm.",
        "2024Y01M15D14H/30M52S20.mp4",
    ),
)  # fmt: skip
BY_KEY = {make.key: make for make in (*MAKES, OTHER)}


def choices() -> list[tuple[str, str]]:
    return [(make.key, make.name) for make in MAKES]


def of_layout(layout: str) -> Make | None:
    """The first make whose names look so."""
    return next((make for make in MAKES if make.layout == layout), None)
