"""Where the HTTP way in places its files: each in a folder of its own, which says what its name alone does not.

That is which camera it was sent to, which request brought it, and whether the time in its name was told by its sender.
"""

from __future__ import annotations

import re
import secrets

from cameras.intake.recorder_channels import CHANNEL

FOLDER = "http"
TOLD = "told"
_OWN = re.compile(
    rf"(?P<camera>[^/]+(?:/{CHANNEL})?)/{FOLDER}/\d{{8}}/[0-9a-f]{{8}}(?:-(?P<request>[A-Za-z0-9._-]{{1,64}}))?"
    rf"(?P<told>/{TOLD})?/[^/]+"
)


def folder_for(camera_folder: str, day: str, request: str, *, told: bool = False) -> str:
    """A folder that no other file has, below the camera root. `request` is the id of the request, or empty.

    `told`: the name of the file holds a time that its sender told.
    """
    own = f"{camera_folder}/{FOLDER}/{day}/{secrets.token_hex(4)}" + (f"-{request}" if request else "")
    return f"{own}/{TOLD}" if told else own


def is_own(path: str) -> bool:
    """Whether the file came over HTTP: nobody else writes there, so nothing is overwritten."""
    return _OWN.fullmatch(path) is not None


def camera_folder(path: str) -> str:
    """The folder of the camera that the file was sent to; empty for any other file."""
    return _part(path, "camera")


def request_of(path: str) -> str:
    """The id of the request that brought the file; empty for any other file. Whoever takes it in can say so."""
    return _part(path, "request")


def is_told(path: str) -> bool:
    """Whether the time in this name is that of a client who knows it, and not of a camera's clock."""
    return bool(_part(path, "told"))


def _part(path: str, name: str) -> str:
    found = _OWN.fullmatch(path)
    return (found[name] or "") if found else ""
