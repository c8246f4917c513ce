"""Unassigned folders: folders below the camera root that contain files but belong to no camera.

A new camera may already write there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from django.conf import settings

from cameras.api.inputs import NewCameraInputSerializer
from cameras.files.paths import is_system
from cameras.files.tree import Tree
from cameras.intake.scanner import scannable_files
from cameras.models import Camera
from cameras.naming import file_names
from cameras.vendors import Vendor, vendor_for_pattern

MAX_FOLDERS = 50
MAX_FILES = 200


@dataclass(frozen=True, slots=True)
class UnassignedFolder:
    """`files` counts up to `MAX_FILES`. `vendor` is guessed from the file names. `usable`: it can become a camera's."""

    name: str
    files: int
    example: str
    vendor: Vendor | None
    usable: bool


def find_unassigned_folders() -> list[UnassignedFolder]:
    """Return at most `MAX_FOLDERS` folders. Raise `OSError` if the camera root cannot be read."""
    tree = Tree(settings.CAMERA_ROOT)
    assigned = set(Camera.objects.values_list("folder", flat=True))
    unassigned = (name for name in tree.folders() if name not in assigned and not is_system(name))
    return list(islice(filter(None, (inspect_folder(tree, name) for name in unassigned)), MAX_FOLDERS))


def inspect_folder(tree: Tree, name: str) -> UnassignedFolder | None:
    """Describe a folder. Return None if it contains no file that intake would consider."""
    paths = [entry.path.partition("/")[2] for entry in islice(scannable_files(tree, name), MAX_FILES)]
    if not paths:
        return None
    return UnassignedFolder(name, len(paths), paths[0], guess_vendor(paths), is_usable(name))


def guess_vendor(paths: list[str]) -> Vendor | None:
    """Return the vendor whose file names these are. `paths` are below the camera's folder."""
    parsed_name = next(filter(None, map(file_names.parse, paths)), None)
    return vendor_for_pattern(parsed_name.pattern) if parsed_name else None


def is_usable(folder: str) -> bool:
    """Return whether the API would accept a new camera with this folder."""
    return bool(NewCameraInputSerializer(data={"name": "any", "folder": folder}).is_valid())
