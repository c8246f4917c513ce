"""Apprise: the push services that people have on their phones.

Apprise connects by itself, so where it connects to cannot be pinned as for a webhook. Hence only services whose
host is fixed in Apprise's own code are allowed, and hosts that the operator has listed; and of a URL's options
only those that cannot name a host or a file.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import apprise
from apprise.plugins.base import NotifyBase
from django.conf import settings

from events.notifications.channels import ChannelInvalidError, Config, NotSentError, RefusedError
from events.notifications.content import Notification
from events.notifications.parts import parts
from hsi import outgoing
from hsi.outgoing import OutgoingRefusedError

FIXED_HOST = frozenset(
    {
        "discord", "gchat", "ifttt", "join", "opsgenie", "pagerduty", "pbul", "pover", "prowl", "psafer", "psafers",
        "slack", "spush", "tgram", "twilio", "wxteams",
    }
)  # fmt: skip
OWN_HOST = frozenset({"form", "forms", "gotify", "gotifys", "json", "jsons", "ntfy", "ntfys", "xml", "xmls"})
OPTIONS = frozenset(
    {
        "format", "image", "mode", "overflow", "preview", "priority", "silent", "sound", "tags", "thread", "topic",
    }
)  # fmt: skip


class Apprise:
    """`url` in the notation of Apprise, such as `tgram://token/chat`. It is a secret as a whole."""

    def target(self, config: Config) -> str:
        plugin = self._plugin(config.url)
        return f"{plugin.service_name} ({scheme_of(config.url)}://…)"[:300]

    def send(self, config: Config, notification: Notification) -> None:
        try:
            plugin = self._plugin(config.url)
        except ChannelInvalidError as error:  # what is listed may have changed since
            raise RefusedError(error.detail) from error
        waiting = [(key, part) for key, part in parts(plugin) if key not in notification.reached]
        failed = {key: why for key, part in waiting if (why := self._send(part, notification))}
        if failed:
            of = f" for {len(failed)} of {len(waiting)} recipients" if len(waiting) > 1 else ""
            raise NotSentError(
                f"{plugin.service_name} did not take it{of} ({', '.join(sorted(set(failed.values())))}).",
                reached=[key for key, _ in waiting if key not in failed],
            )

    def _send(self, plugin: NotifyBase, notification: Notification) -> str:
        """Empty when it was taken, else what Apprise says instead."""
        result = _together(plugin).notify(
            body=notification.text,
            title=notification.title,
            body_format=apprise.NotifyFormat.TEXT.value,
            timeout=settings.WEBHOOK_TIMEOUT_SECONDS,
        )
        return "" if result else str(result.status.name.lower())

    def _plugin(self, url: str) -> NotifyBase:
        """What Apprise makes of `url`. Raises `ChannelInvalidError`."""
        scheme = scheme_of(url)
        if scheme not in FIXED_HOST | OWN_HOST:
            known = ", ".join(sorted(FIXED_HOST | OWN_HOST))
            raise ChannelInvalidError("url", f"Of the services of Apprise these may be used: {known}.")
        try:
            options = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
        except ValueError:
            options = {"?"}
        if not options <= OPTIONS or not url.isprintable() or len(url) > outgoing.LONGEST_URL:
            raise ChannelInvalidError("url", f"Of a URL's options these may be used: {', '.join(sorted(OPTIONS))}.")
        plugin = apprise.Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
        if plugin is None:
            raise ChannelInvalidError("url", f"Apprise does not understand this {scheme}:// address.")
        if not _is_fixed(scheme, plugin):
            _refuse_unlisted(plugin)
        return plugin


def scheme_of(url: str) -> str:
    return url.partition("://")[0].lower()


def _is_fixed(scheme: str, plugin: NotifyBase) -> bool:
    return scheme in FIXED_HOST or getattr(plugin, "mode", "") == "cloud"  # ntfy.sh


def _refuse_unlisted(plugin: NotifyBase) -> None:
    try:
        where = outgoing.place(plugin.host or "", plugin.port or (443 if plugin.secure else 80))
    except OutgoingRefusedError as error:
        raise ChannelInvalidError("url", error.detail) from error
    if not outgoing.is_listed(where):
        raise ChannelInvalidError("url", f"{where.host} is not in WEBHOOK_ALLOWED_HOSTS.")


def _asset() -> apprise.AppriseAsset:
    """Nothing is kept on the disk, no plugins or files are loaded, and no secret is logged."""
    return apprise.AppriseAsset(storage_mode="memory", secure_logging=True, allow_templates=False, app_id="hsi")


def _together(plugin: NotifyBase) -> apprise.Apprise:
    one = apprise.Apprise(asset=_asset())
    one.add(plugin)
    return one
