"""Camera vendors: how to set up the upload in each vendor's menu, and what its file names look like.

The pages that help to set up a camera show this. Intake does not need the vendor: it recognises a file name by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

HOST, FOLDER = "{host}", "{folder}"


@dataclass(frozen=True, slots=True)
class Vendor:
    """`pattern` is a key of `naming.file_names`. `field` is the menu entry for the folder, `value` what to enter."""

    key: str
    name: str
    pattern: str
    field: str
    value: str
    note: str
    example: str

    def path(self, folder: str, host: str) -> str:
        """Return what to enter in the menu. The FTP server on `host` must start in the camera folder."""
        return self.value.replace(HOST, f"[{host}]" if ":" in host else host).replace(FOLDER, folder)


DIRECTORY = f"/{FOLDER}"
OTHER_VENDOR = Vendor(
    "", "Another vendor", "", "Remote directory, path or folder", DIRECTORY,
    "Any name is fine. If the name holds no time, the time comes from the EXIF data or from the arrival of the file.",
    "any-name.jpg",
)  # fmt: skip
VENDORS = (
    Vendor(
        "foscam", "Foscam", "foscam", "FTP server", f"ftp://{HOST}/{FOLDER}",
        "There is no separate entry for the folder: add it to the server's address. The camera creates a folder with"
        " its model and number below it.",
        "R2_00626E8A12F0/snap/MDAlarm_20240115-143052.jpg",
    ),
    Vendor(
        "amcrest", "Amcrest", "dahua", "Remote directory", DIRECTORY,
        "The camera creates folders with its serial number and the date below it. Folders and file name together hold"
        " the time, so leave them as they are.",
        "4M0123EA7C31/2024-01-15/001/jpg/14/30/52[M][0@0][0].jpg",
    ),
    Vendor(
        "dahua", "Dahua", "dahua", "Remote directory", DIRECTORY,
        "The camera creates folders with its serial number and the date below it. Folders and file name together hold"
        " the time, so leave them as they are.",
        "4M0123EA7C31/2024-01-15/pic_001/14.30.52[R][0@0][0].jpg",
    ),
    Vendor(
        "reolink", "Reolink", "reolink", "Remote directory", DIRECTORY,
        "Folders by date are optional. Send both pictures and clips if you like.",
        "2024/01/15/Front Door_01_20240115143052.jpg",
    ),
    Vendor(
        "hikvision", "Hikvision", "hikvision", "Parent directory (custom)", FOLDER,
        "Choose to save in the parent directory, and the default picture names: they hold the time to the millisecond.",
        "192.168.0.64_01_20240115143052422_MOTION_DETECTION.jpg",
    ),
    Vendor(
        "annke", "Annke", "annke", "Parent directory (custom)", FOLDER,
        "Keep the default picture names: they hold the time.",
        "SNAP_CH01_2024_01_15_14_30_52_23978.jpg",
    ),
    Vendor(
        "vivotek", "Vivotek", "vivotek", "FTP folder name", FOLDER,
        "Turn on date and time in the file name.",
        "Snapshot_20240115143052_4_trg.jpg",
    ),
    Vendor(
        "yi", "Yi", "yi", "FTP directory", DIRECTORY,
        "Needs a firmware with FTP upload. It sends clips. Repeated names do no harm.",
        "2024Y01M15D14H/30M52S20.mp4",
    ),
)  # fmt: skip
VENDORS_BY_KEY = {vendor.key: vendor for vendor in (*VENDORS, OTHER_VENDOR)}


def choices() -> list[tuple[str, str]]:
    """Return the vendors as choices of a form field."""
    return [(vendor.key, vendor.name) for vendor in VENDORS]


def vendor_for_pattern(pattern: str) -> Vendor | None:
    """Return the first vendor whose file names follow `pattern`."""
    return next((vendor for vendor in VENDORS if vendor.pattern == pattern), None)
