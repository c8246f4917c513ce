"""E-mail over SMTP, with the picture of the event."""

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
TEST_SECONDS = 5.0
MOST_RECIPIENTS = 50
LONGEST_REPLY = 120


class Email:
    """Sends to `recipients`, else to `DEFAULT_EMAIL_RECIPIENTS`, through the server in the settings `SMTP_*`."""

    settings: ClassVar[dict[str, type]] = {}

    def target(self, config: Config) -> str:
        recipients = self._recipients(config)
        if not 0 < len(recipients) <= MOST_RECIPIENTS:
            raise ChannelInvalidError("recipients", f"1 to {MOST_RECIPIENTS} addresses are required.")
        for address in recipients:
            if not _is_one_address(address):
                raise ChannelInvalidError("recipients", f"{address!r} is not an e-mail address.")
        return ", ".join(recipients)[:300]

    def send(self, config: Config, notification: Notification) -> None:
        if not settings.SMTP_HOST:
            raise NotSentError("SMTP_HOST is not set, so no e-mail can be sent.")
        waiting = [address for address in self._recipients(config) if address not in notification.reached]
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
            # A server that accepted the mail for others may accept it for these later, even after a permanent code.
            raise NotSentError(
                f"The mail server refused {len(refused)} of {len(waiting)} recipients: {_replies(refused)}.",
                reached=[address for address in waiting if address not in refused],
            )

    def _recipients(self, config: Config) -> list[str]:
        return list(config.recipients or settings.DEFAULT_EMAIL_RECIPIENTS)

    def _message(self, config: Config, notification: Notification) -> EmailMessage:
        sender = settings.SMTP_FROM_ADDRESS or settings.SMTP_USER or "hsi@localhost"
        # Every attempt of a stage has the same id, so that mail programs recognise duplicates. An update replies to the
        # first mail.
        first = f"<{notification.id}.alert.created@hsi.local>"
        headers = {"Message-ID": f"<{notification.id}.{notification.type}@hsi.local>"}
        if notification.type == "alert.updated":
            headers |= {"In-Reply-To": first, "References": first}
        message = EmailMessage(notification.title, notification.text, sender, self._recipients(config), headers=headers)
        if picture := notification.picture():
            message.attach("snapshot.jpg", picture, "image/jpeg")
        return message


def _is_one_address(text: str) -> bool:
    """Whether `text` is a single address, both for the validation and for the sending library."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return getaddresses([text]) == [("", text)]


def transmit(message: EmailMessage, recipients: list[str]) -> dict[str, tuple[int, bytes]]:
    """Send `message` to `recipients`. Return the refused ones with the code and the reply of the server.

    Django's own method drops the replies. Raises OSError, and `smtplib.SMTPException` if no recipient was accepted.
    """
    connection = server()
    try:
        connection.open()
        sender = sanitize_address(message.from_email, "utf-8")
        envelope = {sanitize_address(recipient, "utf-8"): recipient for recipient in recipients}
        smtp: Any = connection.connection  # set, because open() did not raise
        content: Any = message.message()
        refused = smtp.sendmail(sender, list(envelope), content.as_bytes(linesep="\r\n"))
        return {envelope[address]: reply for address, reply in refused.items()}
    finally:
        connection.close()


def _replies(refused: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(
        one_line(f"{recipient} ({code} {reply.decode('utf-8', 'replace')})", LONGEST_REPLY)
        for recipient, (code, reply) in sorted(refused.items())
    )


def try_server() -> None:
    """Connect and sign in, without sending. Raises `NotSentError`."""
    connection = server(timeout_seconds=TEST_SECONDS)
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as error:
        raise _unusable(error) from error
    finally:
        connection.close()


def server(timeout_seconds: float | None = None) -> EmailBackend:
    """Return a new connection to the server in the settings."""
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
    """RFC 5321, 4.2.1: 5yz is permanent, 4yz is temporary."""
    kind = RefusedError if all(code >= 500 for code in codes) else NotSentError
    return kind(f"The mail server refused the {what} ({', '.join(map(str, sorted(codes)))}).")
