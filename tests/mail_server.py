"""An SMTP server that keeps what it is sent, in clear or by TLS."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial

import trio


class MailServer:
    """See the module.

    Args:
        tls: spoken from the first byte.
        starttls: spoken once that is asked for; nobody logs in before.

    Attributes:
        port: on 127.0.0.1.
        logins: user and password of each login, as one text.
        refuses: answers to RCPT with an error.
        mails: that were taken.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self._starttls = starttls
        self.port = 0
        self.logins: list[str] = []
        self.refuses = False
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []

    async def handle(self, connection: trio.SocketStream) -> None:
        stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = connection
        if self._tls is not None:
            stream = trio.SSLStream(connection, self._tls, server_side=True)
        is_open = self._starttls is None
        data = b""

        async def read_until(end: bytes) -> bytes:
            nonlocal data
            while end not in data:
                more = await stream.receive_some()
                if not more:
                    return b""
                data += more
            found, _, data = data.partition(end)
            return found

        try:
            await stream.send_all(b"220 test ESMTP\r\n")
            while line := (await read_until(b"\r\n")).decode():
                answer = "250 OK"
                match line.upper().split()[0]:
                    case "EHLO":
                        answer = "250-test\r\n250 " + ("AUTH PLAIN" if is_open else "STARTTLS")
                    case "STARTTLS" if self._starttls is not None:
                        await stream.send_all(b"220 go on\r\n")
                        stream = trio.SSLStream(connection, self._starttls, server_side=True)
                        is_open = True
                        continue
                    case "AUTH":
                        login = base64.b64decode(line.split()[2]).decode()
                        self.logins.append(login.replace("\0", " ").strip())
                        answer = "235 OK"
                    case "RCPT":
                        self.recipients.append(line.partition(":")[2])
                        answer = "550 who?" if self.refuses else answer
                    case "DATA":
                        await stream.send_all(b"354 go on\r\n")
                        content = await read_until(b"\r\n.\r\n")
                        mail = message_from_bytes(
                            content.replace(b"\r\n..", b"\r\n.") + b"\r\n", policy=policy.default
                        )
                        assert isinstance(mail, EmailMessage)
                        self.mails.append(mail)
                    case "QUIT":
                        await stream.send_all(b"221 bye\r\n")
                        return
                await stream.send_all(f"{answer}\r\n".encode())
        except trio.BrokenResourceError:
            pass  # they do not trust us
        finally:
            await connection.aclose()


@asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> AsyncIterator[MailServer]:
    made = MailServer(tls, starttls)
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, made.handle, 0, host="127.0.0.1"))
        made.port = listener.socket.getsockname()[1]
        yield made
        nursery.cancel_scope.cancel()
