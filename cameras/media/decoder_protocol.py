"""The messages between this process and a decoder: a JSON header, a binary body, and at most one open file."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTHS = struct.Struct(">II")
_MAX_HEADER_BYTES = 64 * 1024
_CHUNK_BYTES = 1 << 20


def send(peer: socket.socket, header: dict[str, Any], body: bytes | memoryview = b"", file: int | None = None) -> None:
    """Send a message. Raise `OSError` if the other side is gone."""
    text = json.dumps(header).encode()
    prefix = _LENGTHS.pack(len(text), memoryview(body).nbytes) + text
    if file is None:
        peer.sendall(prefix)
    else:
        sent = socket.send_fds(peer, [prefix], [file])
        peer.sendall(prefix[sent:])
    if body:
        peer.sendall(body)


def receive(peer: socket.socket) -> tuple[dict[str, Any], bytes, int | None]:
    """Return (header, body, descriptor of the file). The caller closes the file.

    Raise `EOFError` if the other side is gone.
    """
    prefix, files, _, _ = socket.recv_fds(peer, _LENGTHS.size, 1)
    prefix += _receive_exactly(peer, _LENGTHS.size - len(prefix)) if prefix else b""
    if not prefix:
        raise EOFError
    header_length, body_length = _LENGTHS.unpack(prefix)
    if header_length > _MAX_HEADER_BYTES:
        raise EOFError("the header is too long")
    header = json.loads(_receive_exactly(peer, header_length))
    return header, _receive_exactly(peer, body_length), files[0] if files else None


def _receive_exactly(peer: socket.socket, length: int) -> bytes:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        received = peer.recv_into(view, min(len(view), _CHUNK_BYTES))
        if not received:
            raise EOFError
        view = view[received:]
    return bytes(data)
