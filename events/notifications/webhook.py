"""Webhooks: signed JSON by POST to an allowed address."""

from __future__ import annotations

import hashlib
import hmac
from typing import ClassVar

from django.conf import settings

from events.notifications.channels import ChannelInvalidError, Config
from events.notifications.content import Notification
from hsi.outbound import safe_http
from hsi.outbound.safe_http import OutgoingRefusedError

SIGNATURE = "X-HSI-Signature"


class Webhook:
    """`url`, else `DEFAULT_WEBHOOK_URL`; with `secret` the body is signed."""

    settings: ClassVar[dict[str, type]] = {}

    def target(self, config: Config) -> str:
        if not self._url(config):
            raise ChannelInvalidError("url", "A URL is required, unless DEFAULT_WEBHOOK_URL is set.")
        try:
            where = safe_http.check(self._url(config))
        except OutgoingRefusedError as error:
            raise ChannelInvalidError("url", error.detail) from error
        return str(where)

    def send(self, config: Config, notification: Notification) -> None:
        body = notification.body
        headers = [("Content-Type", "application/json"), ("User-Agent", "hsi")]
        if config.secret:
            headers.append((SIGNATURE, signature(config.secret, body)))
        safe_http.post(self._url(config), body, headers, settings.WEBHOOK_TIMEOUT_SECONDS)

    def _url(self, config: Config) -> str:
        return config.url or str(settings.DEFAULT_WEBHOOK_URL)


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
