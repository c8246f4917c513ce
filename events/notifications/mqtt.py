"""MQTT 3.1.1: the JSON of a webhook as a message with QoS 1."""

from __future__ import annotations

import queue
import re
import secrets
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import paho.mqtt.client as paho
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion

from events.notifications.channels import ChannelInvalidError, Config, NotSentError
from events.notifications.content import Notification
from hsi.outbound import safe_http
from hsi.outbound.safe_http import OutgoingRefusedError, Place

DEFAULT_TOPIC = "hsi/alerts"
PORT, TLS_PORT = 1883, 8883
LONGEST_TOPIC = 200
CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Mqtt:
    """`settings` has the host, and optionally port, topic, username, tls and client_id. `password` is a secret.

    Without `client_id` each connection has a random one. A broker that authorises clients by their id needs it.
    A broker on the home network has no public address, so it must be in `WEBHOOK_ALLOWED_HOSTS`.
    """

    settings: ClassVar[dict[str, type]] = {
        "host": str, "port": int, "topic": str, "username": str, "tls": bool, "client_id": str,
    }  # fmt: skip

    def target(self, config: Config) -> str:
        if not CLIENT_ID.fullmatch(_client_id(config)):
            raise ChannelInvalidError("settings", "client_id: at most 64 letters, digits, and . _ -")
        try:
            where = _place(config)
            safe_http.refuse_on_sight(where)
        except OutgoingRefusedError as error:
            raise ChannelInvalidError("settings", error.detail) from error
        return f"{where}/{_checked(_topic(config))}"

    def send(self, config: Config, notification: Notification) -> None:
        where = _place(config)
        client = _Client(where, safe_http.addresses(where), _client_id(config))
        if config.settings.get("username"):
            client.username_pw_set(config.settings["username"], config.password or None)
        if config.settings.get("tls"):
            client.tls_set_context(ssl.create_default_context())
        with _one_at_a_time(config):
            client.deliver(_topic(config), notification.body, settings.WEBHOOK_TIMEOUT_SECONDS)


def _client_id(config: Config) -> str:
    """Return the configured id, else a new one that every broker accepts: 23 letters and digits (MQTT 3.1.1, 3.1.3)."""
    return str(config.settings.get("client_id") or f"hsi{secrets.token_hex(10)}")


_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def _one_at_a_time(config: Config) -> AbstractContextManager[object]:
    """Connect once at a time per client id: a broker disconnects a client when another one has the same id."""
    name = config.settings.get("client_id")
    return _locks[name] if name else nullcontext()


def _place(config: Config) -> Place:
    default = TLS_PORT if config.settings.get("tls") else PORT
    return safe_http.place(config.settings.get("host", ""), config.settings.get("port", default))


def _topic(config: Config) -> str:
    return str(config.settings.get("topic") or DEFAULT_TOPIC)


def _checked(topic: str) -> str:
    """Return `topic`. Raise `ChannelInvalidError` if it cannot be published to (MQTT 3.1.1, 4.7)."""
    if len(topic) > LONGEST_TOPIC or topic.startswith("$") or not topic.isprintable() or {"+", "#"} & set(topic):
        raise ChannelInvalidError("settings", "topic: no +, # or control characters, and no $ at the start.")
    return topic


class _Client(paho.Client):
    """Connects to the checked addresses, even if the host name resolves to others by now."""

    def __init__(self, where: Place, addresses: Sequence[str], client_id: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv311, reconnect_on_failure=False)
        self._where, self._addresses = where, addresses
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.on_connect = lambda client, data, flags, reason, properties: self._answers.put(reason)
        self.on_connect_fail = lambda client, data: self._answers.put(None)
        self.on_disconnect = lambda client, data, flags, reason, properties: self._answers.put(None)
        self.on_publish = lambda client, data, mid, reason, properties: self._answers.put(reason)

    def _create_socket_connection(self) -> socket.socket:
        """Connect to the checked addresses.

        The method of paho resolves the host again; the name is for the certificate only.
        """
        *others, last = self._addresses
        for address in others:
            try:
                return socket.create_connection((address, self._where.port), timeout=self._connect_timeout)
            except OSError:
                continue
        return socket.create_connection((last, self._where.port), timeout=self._connect_timeout)

    def deliver(self, topic: str, payload: bytes, timeout_seconds: float) -> None:
        """Publish one message and wait for the broker to confirm it. Raises `NotSentError`."""
        self.connect_timeout = min(timeout_seconds, safe_http.CONNECT_SECONDS)
        try:
            self.connect(self._where.host, self._where.port)
            self.loop_start()
            self._await("connection", timeout_seconds)
            self.publish(topic, payload, qos=1)
            self._await("message", timeout_seconds)
        except (OSError, ValueError) as error:
            raise NotSentError(f"The broker cannot be reached ({type(error).__name__}).") from error
        finally:
            self.disconnect()
            self.loop_stop()

    def _await(self, what: str, timeout_seconds: float) -> None:
        try:
            reason = self._answers.get(timeout=timeout_seconds)
        except queue.Empty:
            raise NotSentError(f"The broker did not answer within {timeout_seconds:g} s.") from None
        if reason is None:
            raise NotSentError("The broker closed the connection.")
        if reason.is_failure:
            raise NotSentError(f"The broker refused the {what}: {reason}.")
