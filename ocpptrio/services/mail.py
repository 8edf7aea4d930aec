"""Mail by SMTP, from a thread: the standard library knows how, and waits.

Not here: what is written (alert_messages), when (alert_notices).
"""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

import trio

from ocpptrio.config import AlertSettings, MailSecurity

TIMEOUT_S: Final = 20  # for each step of the conversation
LONGEST_S: Final = 120  # for all of it: each step may bring a byte and take as long again


class NotSent(Exception):
    """A message could not be sent; says why."""


class NotSentToAll(NotSent):
    """Some have got it, so it is not to be sent again; says who has not."""


class Mailer:
    """Sends to those whom the settings name."""

    name: Final = "mail"

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = settings
        self._where = f"{settings.smtp_host}:{settings.smtp_port}"
        self._one = trio.CapacityLimiter(1)

    async def send(self, subject: str, text: str) -> None:
        """Returns when the server has taken it.

        Raises:
            NotSent: it has not.
            NotSentToAll: not for all.
        """
        message = EmailMessage()
        message["Subject"] = subject
        message["From"] = self._settings.mail_from
        message["To"] = ", ".join(self._settings.mail_to)
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain="ocpptrio")
        message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence answers (RFC 3834)
        message.set_content(text)
        with trio.move_on_after(LONGEST_S):
            await trio.to_thread.run_sync(
                self._send, message, limiter=self._one, abandon_on_cancel=True
            )
            return
        raise NotSent(f"{self._where}: has not taken it within {LONGEST_S} s")

    def _send(self, message: EmailMessage) -> None:
        settings = self._settings
        context = ssl.create_default_context()
        try:
            if settings.smtp_security is MailSecurity.TLS:
                server: smtplib.SMTP = smtplib.SMTP_SSL(
                    settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S, context=context
                )
            else:
                server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S)
            with server:
                if settings.smtp_security is MailSecurity.STARTTLS:
                    server.starttls(context=context)
                if settings.smtp_user:
                    server.login(settings.smtp_user, settings.smtp_password)
                refused = server.send_message(message)
        # ValueError: of a name that is none, or a server that does not speak base64.
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotSent(f"{self._where}: {type(error).__name__}: {error}") from error
        if refused:
            raise NotSentToAll(f"{self._where} refuses {', '.join(refused)}; others got it")
