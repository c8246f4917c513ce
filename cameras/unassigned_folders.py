"""Folders below the camera root that hold files and belong to no camera: where a camera may write already."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from django.conf import settings

from cameras.api.inputs import NewCameraInputSerializer
from cameras.files.ignored_names import is_system
from cameras.files.tree import Tree
from cameras.intake import file_names
from cameras.intake.scanner import files_of
from cameras.models import Camera
from cameras.vendors import Make, of_layout

MOST_FOLDERS = 50
FILES_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """`files` counts up to `FILES_LOOKED_AT`. `make` is whose names they look like; `usable`: it can be a camera's."""

    name: str
    files: int
    example: str
    make: Make | None
    usable: bool


def unclaimed() -> list[Unclaimed]:
    """At most `MOST_FOLDERS`. Raises `OSError` where the camera root cannot be read."""
    tree = Tree(settings.CAMERA_ROOT)
    claimed = set(Camera.objects.values_list("folder", flat=True))
    free = (name for name in tree.folders() if name not in claimed and not is_system(name))
    return list(islice(filter(None, (looked_into(tree, name) for name in free)), MOST_FOLDERS))


def looked_into(tree: Tree, name: str) -> Unclaimed | None:
    """None: it holds no file that intake would look at."""
    paths = [entry.path.partition("/")[2] for entry in islice(files_of(tree, name), FILES_LOOKED_AT)]
    if not paths:
        return None
    return Unclaimed(name, len(paths), paths[0], make_of(paths), is_usable(name))


def make_of(paths: list[str]) -> Make | None:
    """Whose names these are; `paths` are below the camera's folder."""
    named = next(filter(None, map(file_names.parse, paths)), None)
    return of_layout(named.make) if named else None


def is_usable(folder: str) -> bool:
    return bool(NewCameraInputSerializer(data={"name": "any", "folder": folder}).is_valid())
