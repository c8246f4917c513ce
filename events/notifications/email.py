"""Mails over SMTP, with the event's picture."""

from __future__ import annotations

import smtplib
from email.utils import getaddresses
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address
from django.core.validators import validate_email

from events.notifications.channels import ChannelInvalidError, Config, NotSentError, RefusedError
from events.notifications.content import Notification
from hsi.outbound.error_responses import one_line

TLS_PORT = 465
TRIED_SECONDS = 5.0
MOST_RECIPIENTS = 50
LONGEST_WORDS = 120


class Email:
    """`recipients`, else `DEFAULT_EMAIL_RECIPIENTS`. The server is that of the settings `SMTP_*`."""

    settings: ClassVar[dict[str, type]] = {}

    def target(self, config: Config) -> str:
        recipients = self._recipients(config)
        if not 0 < len(recipients) <= MOST_RECIPIENTS:
            raise ChannelInvalidError("recipients", f"1 to {MOST_RECIPIENTS} addresses are needed.")
        for address in recipients:
            if not _is_one_address(address):
                raise ChannelInvalidError("recipients", f"{address!r} is not an e-mail address.")
        return ", ".join(recipients)[:300]

    def send(self, config: Config, notification: Notification) -> None:
        if not settings.SMTP_HOST:
            raise NotSentError("SMTP_HOST is not set, so that no mail can be sent.")
        waiting = [one for one in self._recipients(config) if one not in notification.reached]
        if not waiting:
            return
        message = self._message(config, notification)
        try:
            refused = transmit(message, waiting)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            raise _refusal("recipients", codes) from error
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise _refusal("mail", {error.smtp_code}) from error
        except (smtplib.SMTPException, OSError) as error:
            raise _unusable(error) from error
        if refused:
            # A server that took the mail for others may take it for these later, whatever its code says.
            raise NotSentError(
                f"The mail server refused {len(refused)} of {len(waiting)} recipients: {_words(refused)}.",
                reached=[one for one in waiting if one not in refused],
            )

    def _recipients(self, config: Config) -> list[str]:
        return list(config.recipients or settings.DEFAULT_EMAIL_RECIPIENTS)

    def _message(self, config: Config, notification: Notification) -> EmailMessage:
        sender = settings.SMTP_FROM_ADDRESS or settings.SMTP_USER or "hsi@localhost"
        # The same id for each try of a stage tells a mail that comes twice; the update answers the first.
        first = f"<{notification.id}.alert.created@hsi.local>"
        headers = {"Message-ID": f"<{notification.id}.{notification.type}@hsi.local>"}
        if notification.type == "alert.updated":
            headers |= {"In-Reply-To": first, "References": first}
        message = EmailMessage(notification.title, notification.text, sender, self._recipients(config), headers=headers)
        if picture := notification.picture():
            message.attach("snapshot.jpg", picture, "image/jpeg")
        return message


def _is_one_address(text: str) -> bool:
    """Whether `text` is a single address, for whoever checks it as for whoever sends to it."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return getaddresses([text]) == [("", text)]


def transmit(message: EmailMessage, recipients: list[str]) -> dict[str, tuple[int, bytes]]:
    """Send `message` to `recipients` of those it names; who was refused, with the code and the server's words.

    Django's own way drops that. Raises `smtplib.SMTPException` where nobody got it, and OSError.
    """
    connection = server()
    try:
        connection.open()
        sender = sanitize_address(message.from_email, "utf-8")
        envelope = {sanitize_address(one, "utf-8"): one for one in recipients}
        smtp: Any = connection.connection  # there is one: it was opened, and did not fail in silence
        content: Any = message.message()
        refused = smtp.sendmail(sender, list(envelope), content.as_bytes(linesep="\r\n"))
        return {envelope[one]: answer for one, answer in refused.items()}
    finally:
        connection.close()


def _words(refused: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(
        one_line(f"{recipient} ({code} {said.decode('utf-8', 'replace')})", LONGEST_WORDS)
        for recipient, (code, said) in sorted(refused.items())
    )


def try_server() -> None:
    """Connect and sign in, and send nothing. Raises `NotSentError`."""
    connection = server(timeout_seconds=TRIED_SECONDS)
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as error:
        raise _unusable(error) from error
    finally:
        connection.close()


def server(timeout_seconds: float | None = None) -> EmailBackend:
    """A new connection to the server of the settings."""
    return EmailBackend(
        host=settings.SMTP_HOST,
        port=settings.SMTP_PORT,
        username=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
        use_ssl=settings.SMTP_USE_TLS and settings.SMTP_PORT == TLS_PORT,
        use_tls=settings.SMTP_USE_TLS and settings.SMTP_PORT != TLS_PORT,
        timeout=timeout_seconds or settings.WEBHOOK_TIMEOUT_SECONDS,
        fail_silently=False,
    )


def _unusable(error: Exception) -> NotSentError:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return NotSentError(f"The mail server does not accept SMTP_USER ({error.smtp_code}).")
    return NotSentError(f"The mail server cannot be used ({type(error).__name__}).")


def _refusal(what: str, codes: set[int]) -> NotSentError:
    """RFC 5321, 4.2.1: 5yz is for good, 4yz is for now."""
    kind = RefusedError if all(code >= 500 for code in codes) else NotSentError
    return kind(f"The mail server refused the {what} ({', '.join(map(str, sorted(codes)))}).")
