"""Upload handlers: stream the body of an HTTP upload to a temporary file, in bounded memory."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest

from cameras.files.disk_guard import storage_error
from cameras.files.tree import Tree
from cameras.files.writer import PartialFile, make_folder
from cameras.media import formats
from hsi.errors import HSIError, PayloadTooLargeError

FILE_FIELD = "file"
FORM_OVERHEAD_BYTES = 64 * 1024  # what the multipart body holds beside the file


def byte_limit(name: str) -> int:
    """Return the maximum size of a file with this name."""
    limit: int = settings.VIDEO_MAX_BYTES if formats.kind_from_name(name) == "video" else settings.IMAGE_MAX_BYTES
    return limit


def declared_bytes(request: HttpRequest) -> int:
    """Return the length of the body by its header, or 0 if the header is missing or invalid."""
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def require_size(body_bytes: int) -> None:
    """Raise `PayloadTooLargeError` for a body that is larger than any allowed file, before it is read."""
    max_bytes = max(settings.VIDEO_MAX_BYTES, settings.IMAGE_MAX_BYTES)
    if body_bytes > max_bytes + FORM_OVERHEAD_BYTES:
        raise PayloadTooLargeError(f"A file has at most {max_bytes} bytes.")


class DiscardUploadHandler(FileUploadHandler):
    """Reads the body and stores nothing, for clients that may not upload."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        return None


class StreamToFolderHandler(FileUploadHandler):
    """Writes the single file of the form to `folder`.

    After an error, `error` is set and the rest of the body is discarded.
    """

    def __init__(self, tree: Tree, folder: str) -> None:
        super().__init__()
        self._tree, self._folder = tree, folder
        self.partial: PartialFile | None = None
        self.error: HSIError | None = None
        self.digest = hashlib.sha256()
        self._remaining_bytes = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.field_name != FILE_FIELD or self.partial is not None:
            raise SkipFile
        self._remaining_bytes = byte_limit(self.file_name or "")
        try:
            make_folder(self._tree, self._folder)
            self.partial = PartialFile(self._tree, self._folder)
        except (OSError, HSIError) as error:
            self._stop(error)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        assert self.partial is not None  # noqa: S101 (a file without one was skipped)
        self._remaining_bytes -= len(raw_data)
        if self._remaining_bytes < 0:
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

    def received(self) -> PartialFile | None:
        """Return the file after the form was read, or None if the form has no file. Raise the error, if any."""
        if self.error is not None:
            raise self.error
        return self.partial

    def discard(self) -> None:
        """Delete the file unless it was placed."""
        if self.partial is not None:
            self.partial.discard()

    def _stop(self, error: HSIError | OSError) -> None:
        self.error = storage_error(error) if isinstance(error, OSError) else error
        self.discard()
        # Read the body to its end: a client that is still sending would not see the response.
        raise StopUpload(connection_reset=False)
