"""The folders of files that came over HTTP: one folder per file, which records what the file's name does not.

The folder names the camera and the request, and says whether the time in the file's name comes from the client.
"""

from __future__ import annotations

import re
import secrets

from cameras.naming.recorder_channels import CHANNEL

HTTP_FOLDER = "http"
CLIENT_TIME_FOLDER = "client-time"
_PATTERN = re.compile(
    rf"(?P<camera>[^/]+(?:/{CHANNEL})?)/{HTTP_FOLDER}/\d{{8}}/[0-9a-f]{{8}}(?:-(?P<request>[A-Za-z0-9._-]{{1,64}}))?"
    rf"(?P<client_time>/{CLIENT_TIME_FOLDER})?/[^/]+"
)


def new_folder(camera_folder: str, day: str, request: str, *, has_client_time: bool = False) -> str:
    """Return a unique folder below the camera root. `request` is the id of the request, or empty.

    `has_client_time`: the file's name will hold a time that the client sent.
    """
    folder = f"{camera_folder}/{HTTP_FOLDER}/{day}/{secrets.token_hex(4)}" + (f"-{request}" if request else "")
    return f"{folder}/{CLIENT_TIME_FOLDER}" if has_client_time else folder


def is_http_upload(path: str) -> bool:
    """Return whether the file came over HTTP. Such a file is never overwritten."""
    return _PATTERN.fullmatch(path) is not None


def camera_folder(path: str) -> str:
    """Return the folder of the camera that the file was sent to, or an empty string for other files."""
    return _group(path, "camera")


def request_id(path: str) -> str:
    """Return the id of the request that sent the file, or an empty string for other files."""
    return _group(path, "request")


def has_client_time(path: str) -> bool:
    """Return whether the time in the name comes from a client that knows it, and not from a camera's clock."""
    return bool(_group(path, "client_time"))


def _group(path: str, name: str) -> str:
    match = _PATTERN.fullmatch(path)
    return (match[name] or "") if match else ""
