"""What the decoder's two sides say to each other: a JSON object, bytes, and at most one open file, over a socket."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTHS = struct.Struct(">II")
_LONGEST_HEADER = 64 * 1024
_CHUNK = 1 << 20


def send(peer: socket.socket, header: dict[str, Any], body: bytes | memoryview = b"", file: int | None = None) -> None:
    """Raises `OSError` where the other side is gone."""
    text = json.dumps(header).encode()
    first = _LENGTHS.pack(len(text), memoryview(body).nbytes) + text
    if file is None:
        peer.sendall(first)
    else:
        sent = socket.send_fds(peer, [first], [file])
        peer.sendall(first[sent:])
    if body:
        peer.sendall(body)


def receive(peer: socket.socket) -> tuple[dict[str, Any], bytes, int | None]:
    """(object, bytes, file). The file is the receiver's to close. Raises `EOFError` where the other side is gone."""
    start, files, _, _ = socket.recv_fds(peer, _LENGTHS.size, 1)
    start += _exactly(peer, _LENGTHS.size - len(start)) if start else b""
    if not start:
        raise EOFError
    header, body = _LENGTHS.unpack(start)
    if header > _LONGEST_HEADER:
        raise EOFError("not what the other side says")
    return json.loads(_exactly(peer, header)), _exactly(peer, body), files[0] if files else None


def _exactly(peer: socket.socket, length: int) -> bytes:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        got = peer.recv_into(view, min(len(view), _CHUNK))
        if not got:
            raise EOFError
        view = view[got:]
    return bytes(data)
