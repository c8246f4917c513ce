"""Reading a model file, whose path comes from a setting."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from detection.detectors.onnx_interface import ModelUnusableError

# The limit of the ONNX format for one file.
MAX_MODEL_BYTES = 2 * 1024**3


def read_model(path: str, remedy: str) -> tuple[bytes, str]:
    """Return the content of the file and its SHA-256. Raise `ModelUnusableError`, which ends with `remedy`."""
    try:
        status = Path(path).stat()
        fault = _fault(status.st_mode, status.st_size)
        if not fault:
            content = Path(path).read_bytes()
            return content, hashlib.sha256(content).hexdigest()
    except OSError as error:
        fault = f"cannot be read ({error.strerror})"
    raise ModelUnusableError(f"The model file {path!r} {fault}. {remedy}")


def _fault(mode: int, size_bytes: int) -> str:
    """Return why a file is not read: a pipe or a device would block, or never end."""
    if not stat.S_ISREG(mode):
        return "cannot be read (it is not a regular file)"
    if size_bytes > MAX_MODEL_BYTES:
        return f"has {size_bytes:,} bytes; a model has at most {MAX_MODEL_BYTES:,}"
    return ""
