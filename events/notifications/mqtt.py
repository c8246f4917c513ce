"""MQTT 3.1.1: the JSON of a webhook as a message with QoS 1."""

from __future__ import annotations

import queue
import socket
import ssl
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as paho
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion

from events.notifications.channels import ChannelInvalidError, Config, NotSentError
from events.notifications.content import Notification
from hsi import outgoing
from hsi.outgoing import OutgoingRefusedError, Place

DEFAULT_TOPIC = "hsi/alerts"
PORT, TLS_PORT = 1883, 8883
SETTINGS = {"host": str, "port": int, "topic": str, "username": str, "tls": bool}
LONGEST_TOPIC = 200


class Mqtt:
    """`settings`: host, and if wanted port, topic, username, tls; `password` is a secret.

    A broker at home has no public address: it must be in `WEBHOOK_ALLOWED_HOSTS`, as any receiver.
    """

    def target(self, config: Config) -> str:
        for name, value in config.settings.items():
            if name not in SETTINGS:
                raise ChannelInvalidError("settings", f"There is no {name}. There are: {', '.join(SETTINGS)}.")
            if type(value) is not SETTINGS[name]:
                raise ChannelInvalidError("settings", f"{name} is of the wrong type.")
        try:
            where = _place(config)
            outgoing.refuse_literal(where)
        except OutgoingRefusedError as error:
            raise ChannelInvalidError("settings", error.detail) from error
        return f"{where}/{_checked(_topic(config))}"

    def send(self, config: Config, notification: Notification) -> None:
        where = _place(config)
        client = _Client(where, outgoing.addresses(where))
        if config.settings.get("username"):
            client.username_pw_set(config.settings["username"], config.password or None)
        if config.settings.get("tls"):
            client.tls_set_context(ssl.create_default_context())
        client.deliver(_topic(config), notification.body, settings.WEBHOOK_TIMEOUT_SECONDS)


def _place(config: Config) -> Place:
    default = TLS_PORT if config.settings.get("tls") else PORT
    return outgoing.place(config.settings.get("host", ""), config.settings.get("port", default))


def _topic(config: Config) -> str:
    return str(config.settings.get("topic") or DEFAULT_TOPIC)


def _checked(topic: str) -> str:
    """Raise `ChannelInvalidError` for what cannot be published to (MQTT 3.1.1, 4.7)."""
    if len(topic) > LONGEST_TOPIC or topic.startswith("$") or not topic.isprintable() or {"+", "#"} & set(topic):
        raise ChannelInvalidError("settings", "topic: without +, # and control characters, and no $ at the front.")
    return topic


class _Client(paho.Client):
    """Connects to addresses that were checked, whatever the host's name resolves to by now."""

    def __init__(self, where: Place, addresses: Sequence[str]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311, reconnect_on_failure=False)
        self._where, self._addresses = where, addresses
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.on_connect = lambda client, data, flags, reason, properties: self._answers.put(reason)
        self.on_connect_fail = lambda client, data: self._answers.put(None)
        self.on_disconnect = lambda client, data, flags, reason, properties: self._answers.put(None)
        self.on_publish = lambda client, data, mid, reason, properties: self._answers.put(reason)

    def _create_socket_connection(self) -> socket.socket:
        """paho's own resolves the host anew; its name is only for the certificate."""
        *others, last = self._addresses
        for address in others:
            try:
                return socket.create_connection((address, self._where.port), timeout=self._connect_timeout)
            except OSError:
                continue
        return socket.create_connection((last, self._where.port), timeout=self._connect_timeout)

    def deliver(self, topic: str, payload: bytes, timeout_seconds: float) -> None:
        """Publish one message and wait for the broker's word. Raises `NotSentError`."""
        self.connect_timeout = min(timeout_seconds, outgoing.CONNECT_SECONDS)
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
            raise NotSentError("The broker broke off.")
        if reason.is_failure:
            raise NotSentError(f"The broker refused the {what}: {reason}.")
