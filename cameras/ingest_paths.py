"""Where the HTTP way in places its files: each in a folder of its own that names the request that brought it."""

from __future__ import annotations

import re
import secrets

FOLDER = "http"
_OWN = re.compile(rf"[^/]+/{FOLDER}/\d{{8}}/[0-9a-f]{{8}}(?:-(?P<request>[A-Za-z0-9._-]{{1,64}}))?/[^/]+")


def folder_for(camera_folder: str, day: str, request: str) -> str:
    """A folder that no other file has, below the camera root. `request` is the id of the request, or empty."""
    return f"{camera_folder}/{FOLDER}/{day}/{secrets.token_hex(4)}" + (f"-{request}" if request else "")


def is_own(path: str) -> bool:
    """Whether the file came over HTTP: nobody else writes there, so nothing is overwritten."""
    return _OWN.fullmatch(path) is not None


def request_of(path: str) -> str:
    """The id of the request that brought the file; empty for any other file. Whoever takes it in can say so."""
    found = _OWN.fullmatch(path)
    return (found["request"] or "") if found else ""
