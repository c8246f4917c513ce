"""The body of an upload over HTTP on its way to the disk, in bounded memory, to a temporary name."""

from __future__ import annotations

import errno
import hashlib
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest

from cameras.files.tree import Tree
from cameras.files.writer import Partial, make_folder
from cameras.media import formats
from hsi.errors import BusyError, HSIError, PayloadTooLargeError

FIELD = "file"
RETRY_AFTER_SECONDS = 60
ROOM_FOR_FORM_BYTES = 64 * 1024  # what the multipart body holds beside the file


class StorageFullError(BusyError):
    """The disk is nearly full. Files are accepted again when there is enough space."""

    code = "STORAGE_FULL"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=RETRY_AFTER_SECONDS)


class FolderAwayError(BusyError):
    """The camera folder is unavailable or not writable."""

    code = "CAMERA_FOLDER_AWAY"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=RETRY_AFTER_SECONDS)


def away(error: OSError) -> BusyError:
    """What a client is told about a fault of the disk or the share."""
    return StorageFullError() if error.errno in (errno.ENOSPC, errno.EDQUOT) else FolderAwayError()


def byte_limit(name: str) -> int:
    """How large a file of this name may be."""
    limit: int = settings.VIDEO_MAX_BYTES if formats.kind_of(name) == "video" else settings.IMAGE_MAX_BYTES
    return limit


def announced_bytes(request: HttpRequest) -> int:
    """How long the body is, by its header; 0 where that says nothing."""
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def require_size(body_bytes: int) -> None:
    """Raise `PayloadTooLargeError` for a body that no file fits, before it is read."""
    largest = max(settings.VIDEO_MAX_BYTES, settings.IMAGE_MAX_BYTES)
    if body_bytes > largest + ROOM_FOR_FORM_BYTES:
        raise PayloadTooLargeError(f"A file has at most {largest} bytes.")


class ToNowhere(FileUploadHandler):
    """Reads files and keeps nothing: for who may not bring any."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        return None


class ToFolder(FileUploadHandler):
    """Writes the one file of the form to `folder`. `fault`: why it could not; the rest of the body is passed over."""

    def __init__(self, tree: Tree, folder: str) -> None:
        super().__init__()
        self._tree, self._folder = tree, folder
        self.partial: Partial | None = None
        self.fault: HSIError | None = None
        self.digest = hashlib.sha256()
        self._left = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.field_name != FIELD or self.partial is not None:
            raise SkipFile
        self._left = byte_limit(self.file_name or "")
        try:
            make_folder(self._tree, self._folder)
            self.partial = Partial(self._tree, self._folder)
        except (OSError, HSIError) as error:
            self._stop(error)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        assert self.partial is not None  # noqa: S101 (a file without one was skipped)
        self._left -= len(raw_data)
        if self._left < 0:
            self._stop(PayloadTooLargeError(f"The file is larger than {byte_limit(self.file_name or '')} bytes."))
        self.digest.update(raw_data)
        try:
            self.partial.file.write(raw_data)
        except OSError as error:
            self._stop(error)
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        file: Any = self.partial and self.partial.file
        return UploadedFile(file, self.file_name, self.content_type, file_size)

    def received(self) -> Partial | None:
        """The file, once the form was read; None where it holds none. Raises what went wrong."""
        if self.fault is not None:
            raise self.fault
        return self.partial

    def discard(self) -> None:
        if self.partial is not None:
            self.partial.discard()

    def _stop(self, error: HSIError | OSError) -> None:
        self.fault = away(error) if isinstance(error, OSError) else error
        self.discard()
        # Read to its end: a client that still sends would not see the answer.
        raise StopUpload(connection_reset=False)
