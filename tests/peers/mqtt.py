"""An MQTT broker for tests, as much of 3.1.1 as a publisher with QoS 1 meets: CONNECT, PUBLISH, DISCONNECT."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import Self

CONNECT, CONNACK, PUBLISH, PUBACK, DISCONNECT = 1, 2, 3, 4, 14


@dataclass(frozen=True)
class Published:
    topic: str
    payload: bytes
    qos: int


@dataclass
class MqttPeer:
    """`connect_code` other than 0 refuses (5: not authorised). A silent broker never acknowledges."""

    connect_code: int = 0
    silent: bool = False
    published: list[Published] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    client_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                while self._answer(stream):  # type: ignore[arg-type]
                    stream.flush()

    def _answer(self, stream: socket.SocketIO) -> bool:
        """Answer one packet; whether another may follow."""
        head = stream.read(1)
        if not head:
            return False
        kind, flags, body = head[0] >> 4, head[0] & 15, stream.read(_length(stream)) or b""
        if kind == CONNECT:
            client_id, user, password = _connect(body)
            self.client_ids.append(client_id)
            self.logins.append((user, password))
            stream.write(bytes([CONNACK << 4, 2, 0, self.connect_code]))
        elif kind == PUBLISH:
            topic, rest = _text(body)
            self.published.append(Published(topic, rest[2:], (flags >> 1) & 3))
            if not self.silent:
                stream.write(bytes([PUBACK << 4, 2]) + rest[:2])
        return kind != DISCONNECT


def _length(stream: socket.SocketIO) -> int:
    """The remaining length: 7 bits a byte, the least first."""
    length = shift = 0
    while byte := (stream.read(1) or b"\0")[0]:
        length |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
    return length


def _text(data: bytes) -> tuple[str, bytes]:
    size = int.from_bytes(data[:2])
    return data[2 : 2 + size].decode(), data[2 + size :]


def _connect(body: bytes) -> tuple[str, str, str]:
    """The client's id, its user and its password."""
    protocol, rest = _text(body)
    assert (protocol, rest[0]) == ("MQTT", 4)
    flags = rest[1]
    client_id, rest = _text(rest[4:])
    user, rest = _text(rest) if flags & 0x80 else ("", rest)
    password, _ = _text(rest) if flags & 0x40 else ("", rest)
    return client_id, user, password
