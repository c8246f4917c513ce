"""Apprise: push services for phones and chat.

Allowed are services whose host is fixed in the code of Apprise, and self-hosted services at an address that a webhook
could be sent to. The parser of Apprise decides what an address means. Only an unambiguous part of its notation is
accepted, with options that name no host and no file.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import unquote

import apprise
from apprise.plugins import url_to_dict
from apprise.plugins.base import NotifyBase
from django.conf import settings
from django.utils.crypto import salted_hmac

from events.notifications.channels import ChannelInvalidError, Config, NotSentError, RefusedError
from events.notifications.content import Notification
from events.notifications.pinned_requests import pin
from hsi.outbound import safe_http
from hsi.outbound.safe_http import OutgoingRefusedError, Place

FIXED_HOST = frozenset(
    {
        "discord", "gchat", "ifttt", "join", "opsgenie", "pagerduty", "pbul", "pover", "prowl", "psafers", "slack",
        "spush", "tgram", "twilio", "wxteams",
    }
)  # fmt: skip
OWN_HOST = frozenset({"form", "forms", "gotify", "gotifys", "json", "jsons", "ntfy", "ntfys", "xml", "xmls"})
# The allowed options and their values. Other options can name a host or a file, hide a failure or add a link.
WORD = r"[A-Za-z0-9_-]{1,60}"
OPTIONS = {
    "format": "text", "image": "no", "mode": "bot|gov-hook|hook|trigger|webhook|workflow", "overflow": WORD,
    "preview": "no", "priority": WORD, "silent": WORD, "sound": WORD, "tags": f"{WORD}(,{WORD})*", "thread": WORD,
    "topic": WORD,
}  # fmt: skip
ADDRESS = re.compile(r"[A-Za-z]+://(?P<place>[A-Za-z0-9._~%:@+=!*,()\[\]/-]+)(\?(?P<options>[^?]+))?")
USER_INFO = re.compile(r"[^/@]*@")
# Characters with a meaning for one of the parsers, when they are escaped.
MEANINGFUL = frozenset("#;?&\\%")
# Where the services of Apprise keep their recipients.
RECIPIENT_LISTS = ("targets", "channels", "topics", "events")
KEY_CHARACTERS = 16
HOSTED_MODE = "cloud"  # the mode in which ntfy sends to ntfy.sh


class Apprise:
    """`url` is in the notation of Apprise, such as `tgram://token/chat`. All of it is secret."""

    settings: ClassVar[dict[str, type]] = {}

    def target(self, config: Config) -> str:
        plugin, _ = _built(config.url)
        return f"{plugin.service_name} ({_scheme(config.url)}://…)"[:300]

    def send(self, config: Config, notification: Notification) -> None:
        try:
            plugin, place = _built(config.url)
        except ChannelInvalidError as error:  # the allowed hosts may have changed since
            raise RefusedError(error.detail) from error
        if place is not None:
            safe_http.addresses(place)  # raises with a reason, where Apprise would only report a failure
        waiting = [(key, part) for key, part in split_by_recipient(plugin) if key not in notification.reached]
        failed = {key: why for key, part in waiting if (why := self._send(part, notification))}
        if failed:
            share = f" for {len(failed)} of {len(waiting)} recipients" if len(waiting) > 1 else ""
            raise NotSentError(
                f"{plugin.service_name} did not accept it{share} ({', '.join(sorted(set(failed.values())))}).",
                reached=[key for key, _ in waiting if key not in failed],
            )

    def _send(self, plugin: NotifyBase, notification: Notification) -> str:
        """Return an empty string on success, else the status of Apprise."""
        result = _notifier(plugin).notify(
            body=notification.text,
            title=notification.title,
            notify_type=apprise.NotifyType.WARNING,  # Opsgenie ignores notifications of type info
            body_format=apprise.NotifyFormat.TEXT.value,
            timeout=settings.WEBHOOK_TIMEOUT_SECONDS,
        )
        return "" if result else str(result.status.name.lower())


def _built(url: str) -> tuple[NotifyBase, Place | None]:
    """Return the plugin for `url`, and its host unless that is fixed. Raises `ChannelInvalidError`."""
    options = _read(url)
    parsed = url_to_dict(url)  # type: ignore[no-untyped-call]  # so is the library
    if parsed is None or parsed["qsd"] != options:
        raise _not_understood(url)
    plugin = apprise.Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    if plugin is None or not _is_harmless(plugin):
        raise _not_understood(url)
    try:
        place = _own_place(_scheme(url), plugin)
    except OutgoingRefusedError as error:
        raise ChannelInvalidError("url", error.detail) from error
    pin(type(plugin).__module__)
    if hasattr(plugin, "xsd_url"):
        plugin.xsd_url = ""  # an address of Apprise in XML messages
    return plugin, place


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _not_understood(url: str) -> ChannelInvalidError:
    return ChannelInvalidError("url", f"Apprise does not understand this {_scheme(url)}:// address.")


def _read(url: str) -> dict[str, str]:
    """Return the options of `url` if every parser reads it in the same way. Raises `ChannelInvalidError`."""
    if _scheme(url) not in FIXED_HOST | OWN_HOST:
        services = ", ".join(sorted(FIXED_HOST | OWN_HOST))
        raise ChannelInvalidError("url", f"Allowed Apprise services: {services}.")
    address = ADDRESS.fullmatch(url)
    if address is None or len(url) > safe_http.LONGEST_URL or not _is_plain(address["place"]):
        raise ChannelInvalidError("url", "An Apprise URL must not have #, ;, \\ or a second ?, nor an escape for them.")
    pairs = [option.partition("=")[::2] for option in (address["options"] or "").split("&") if option]
    options = dict(pairs)
    are_allowed = all(name in OPTIONS and re.fullmatch(OPTIONS[name], value) for name, value in pairs)
    if not are_allowed or len(options) < len(pairs):
        allowed = ", ".join(f"{name}={value}" if value.isalpha() else name for name, value in OPTIONS.items())
        raise ChannelInvalidError("url", f"Allowed options, each once and with a single word: {allowed}.")
    return options


def _is_plain(place: str) -> bool:
    """Whether the part before the options means the same however often it is unquoted.

    A password may have any character.
    """
    rest = USER_INFO.sub("", place, count=1)
    if not _is_utf8(place) or "@" in rest.partition("/")[0]:
        return False
    return unquote(place).isprintable() and not MEANINGFUL & set(unquote(rest))


def _is_utf8(quoted: str) -> bool:
    try:
        unquote(quoted, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def _is_harmless(plugin: NotifyBase) -> bool:
    """Whether no option changed a property of the plugin that matters for security."""
    return bool(
        plugin.verify_certificate
        and not plugin.redirects
        and not plugin.optional
        and not getattr(plugin, "template", None)
        and not getattr(plugin, "attach", None)
        and not any(getattr(plugin, name, None) for name in ("avatar_url", "href", "click", "actions", "headers"))
    )


def _own_place(scheme: str, plugin: NotifyBase) -> Place | None:
    """Return the host of a self-hosted service, or None if the host is fixed. Raises `OutgoingRefusedError`."""
    if scheme in FIXED_HOST or getattr(plugin, "mode", "") == HOSTED_MODE:
        return None
    place = safe_http.place(plugin.host or "", plugin.port or (443 if plugin.secure else 80))
    safe_http.refuse_on_sight(place)
    if not plugin.secure:
        safe_http.refuse_plain_http(place)
    return place


def _asset() -> apprise.AppriseAsset:
    """Store nothing on the disk, load no plugins or files, log no secret, send no icon or link."""
    return apprise.AppriseAsset(
        storage_mode="memory", secure_logging=True, allow_templates=False, http_redirects=False,
        interpret_emojis=False, app_id="hsi", app_desc=settings.APP_NAME, app_url="", image_url_mask="",
        image_url_logo="", image_path_mask="",
    )  # fmt: skip


def _notifier(plugin: NotifyBase) -> apprise.Apprise:
    notifier = apprise.Apprise(asset=_asset())
    notifier.add(plugin)
    return notifier


def split_by_recipient(plugin: NotifyBase) -> Iterator[tuple[str, NotifyBase]]:
    """Yield a copy of `plugin` for each recipient, so that each is sent to and fails on its own.

    The key of a copy identifies its recipient and reveals nothing about it.
    """
    names = [
        name for name in RECIPIENT_LISTS if len(plugin) > 1 and len(getattr(plugin, name, None) or ()) == len(plugin)
    ]
    if not names:
        yield "", plugin
        return
    for recipient in getattr(plugin, names[0]):
        single = copy.copy(plugin)
        setattr(single, names[0], [recipient])
        yield salted_hmac("hsi.recipient", repr(recipient)).hexdigest()[:KEY_CHARACTERS], single
