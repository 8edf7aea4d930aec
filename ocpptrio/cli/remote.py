"""A daemon somewhere else: its API as commands use it, and what goes wrong on the way there.

By httpcore2, as services.outbound: nothing is sent to a redirect or a proxy from the environment.
Not here: what is asked (each command), the API itself (ocpptrio.api).
"""

import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpcore2
import msgspec
import trio
from cyclopts import Parameter

from ocpptrio.cli.options import Database
from ocpptrio.cli.output import Failed
from ocpptrio.services.outbound import reason

URL: Final = "OCPPTRIO_URL"
TOKEN: Final = "OCPPTRIO_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE: Final = "OCPPTRIO_TOKEN_FILE"  # noqa: S105 - the name of a variable

CONNECT_S: Final = 10
ANSWER_S: Final = 30  # for an answer, beside what it was asked to wait for
SILENCE_S: Final = 45  # of a stream that says something every 15 s
RETRY_S: Final = 1  # before a stream that was cut is asked for again; doubled each time
LONGEST_RETRY_S: Final = 30
PAGE: Final = 1000
ALL: Final = 100_000  # of a list that is read here: what the API gives in pages

T = TypeVar("T")

# What a resource is, as JSON. Any: of any shape.
View = dict[str, Any]


class Unreachable(Failed):
    """No answer, or none that says anything: it may be there again soon."""


class _Problem(msgspec.Struct):
    """problem+json, as far as we look at it."""

    detail: str


class Message(msgspec.Struct, frozen=True):
    """A server-sent event.

    Attributes:
        id: the number to go on from.
        data: "" for one that has nothing but a number.
    """

    id: int | None
    data: str


class Client:
    """Talks to one API; to be used in an `async with` block.

    Args:
        url: of the daemon, without /api/v1.
        source: where the token comes from.
    """

    def __init__(self, url: str, token: str | None, source: str = "") -> None:
        self.url = url
        self._source = source if token is not None else None
        self._headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool = httpcore2.AsyncConnectionPool(
            # What this machine trusts, so that an authority of one's own works.
            ssl_context=ssl.create_default_context() if url.startswith("https:") else None
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self._pool.aclose()

    async def get(self, *path: object, wait_s: float = 0, **query: object) -> Any:  # Any: JSON
        """What is there. A `wait_s` is told to the API.

        Raises:
            Failed: it is not to be had; says why, and what to do.
        """
        wait = {"wait_s": wait_s} if wait_s else {}
        return await self._ask("GET", path, query | wait, b"", {}, ANSWER_S + wait_s)

    async def send(
        self,
        method: str,
        *path: object,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # Any: JSON
        """Change something; what it is then, None if the API has nothing to say.

        Raises:
            Failed: it was refused, or nobody knows; says why, and what to do.
        """
        content = b"" if body is None else msgspec.json.encode(body)
        return await self._ask(method, path, query or {}, content, headers or {}, ANSWER_S)

    async def items(self, *path: object) -> list[View]:
        """A whole list, page by page."""
        found: list[View] = []
        cursor = None
        while True:
            page = await self.get(*path, limit=PAGE, cursor=cursor)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def follow(
        self,
        *path: object,
        query: Mapping[str, object],
        after: int | None,
        show: Callable[[View], None],
        on_cut: Callable[[str, int | None], None],
    ) -> None:
        """Show each event of a stream, for ever: one that is cut goes on where it was.

        Args:
            after: the number of the last event that is known; None: begin now.
            on_cut: told why the stream ended, and after which event it goes on.

        Raises:
            Failed: there is no such stream, or no right to it.
        """
        last, begun, pause_s = after, False, float(RETRY_S)
        while True:
            why = "it was ended there"
            told = {} if last is None else {"Last-Event-ID": str(last)}
            try:
                async with self._stream("GET", path, query, b"", told, SILENCE_S) as response:
                    await self._check(response)
                    begun = True
                    messages = _Messages()
                    # Closed here: the iterators of httpcore2 would linger, left half way.
                    async with aclosing(response.aiter_stream()) as chunks:
                        async for chunk in chunks:
                            for message in messages.feed(chunk):
                                pause_s = RETRY_S
                                last = last if message.id is None else message.id
                                if message.data:
                                    show(msgspec.json.decode(message.data))
            except Unreachable as error:
                if not begun:
                    raise
                why = str(error)
            on_cut(why, last)
            await trio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_RETRY_S)

    async def _ask(
        self,
        method: str,
        path: tuple[object, ...],
        query: Mapping[str, object],
        content: bytes,
        headers: Mapping[str, str],
        patience_s: float,
    ) -> Any:  # Any: JSON
        async with self._stream(method, path, query, content, headers, patience_s) as response:
            await self._check(response)
            text = await response.aread()
        try:
            return msgspec.json.decode(text) if text else None
        except msgspec.DecodeError:
            raise Failed(self._not_ours(response.status)) from None

    @asynccontextmanager
    async def _stream(
        self,
        method: str,
        path: tuple[object, ...],
        query: Mapping[str, object],
        content: bytes,
        headers: Mapping[str, str],
        patience_s: float,
    ) -> AsyncIterator[httpcore2.Response]:
        where = "/".join(quote(str(part), safe="") for part in path)
        asked = {name: value for name, value in query.items() if value is not None}
        url = f"{self.url}/api/v1/{where}" + (f"?{urlencode(asked, doseq=True)}" if asked else "")
        sent = self._headers | dict(headers)
        if content or method != "GET":
            sent |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        patience = {"connect": CONNECT_S, "read": patience_s, "write": ANSWER_S, "pool": ANSWER_S}
        with self._reached():
            async with self._pool.stream(
                method,
                url,
                headers=[(name.encode(), value.encode()) for name, value in sent.items()],
                content=content,
                extensions={"timeout": patience},
            ) as response:
                yield response

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout, OSError, UnicodeError) as error:
            raise Unreachable(self._why_not_connected(error)) from error
        except httpcore2.TimeoutException as error:
            raise Unreachable(f"{self.url} does not answer") from error
        except httpcore2.ProtocolError as error:
            raise Unreachable(
                f"{self.url} cut the connection, or speaks no HTTP: {error}"
            ) from error
        except httpcore2.NetworkError as error:
            raise Unreachable(f"the connection to {self.url} was lost: {error}") from error

    def _why_not_connected(self, error: Exception) -> str:
        why = reason(error)
        if "CERTIFICATE_VERIFY_FAILED" in why:
            return (
                f"{self.url}: its certificate is none that this machine trusts: {why}; "
                "name a file with your authority in SSL_CERT_FILE"
            )
        return (
            f"{self.url} cannot be reached: {why}; does the daemon run there, and is this the "
            "address of its API ([api] host, port), not that of charge points?"
        )

    async def _check(self, response: httpcore2.Response) -> None:
        """Raise Failed for an answer that says no."""
        status = response.status
        if status < 300:
            return
        try:
            detail = msgspec.json.decode(await response.aread(), type=_Problem).detail
        except msgspec.MsgspecError:
            moved = [value for name, value in response.headers if name.lower() == b"location"]
            detail = self._not_ours(status, *moved)
        else:
            if status == 401:
                detail = self._who()
            elif status == 403:
                detail += "; for a token: ocpptrio tokens add NAME --role ROLE"
        raise (Unreachable if status >= 500 else Failed)(detail)

    def _who(self) -> str:
        make = "on the machine of the daemon: ocpptrio tokens add NAME --role ROLE"
        if self._source is not None:
            return (
                f"{self.url} does not know the token of {self._source}: it was removed, has "
                f"expired, or is of another daemon. Make another one {make}"
            )
        return f"{self.url} wants a token: set {TOKEN}, or give --token-file. Make one {make}"

    def _not_ours(self, status: int, *moved_to: bytes) -> str:
        moved = "".join(f" (see {url.decode('latin-1')})" for url in moved_to)
        return (
            f"{self.url} answers {status}{moved}, and not as the API of ocpptrio does; "
            "is this its address?"
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Remote:
    """A daemon to ask through its API, in place of the database here."""

    url: str | None = None
    """Ask the daemon whose API is there: http://192.0.2.1:8081; else OCPPTRIO_URL."""
    token: Annotated[str | None, Parameter(show_default=False)] = field(default=None, repr=False)
    """The token of the API. Others on this machine can see it on a command line: rather set
    OCPPTRIO_TOKEN, or use --token-file."""
    token_file: Path | None = None
    """A file whose first line is the token; else OCPPTRIO_TOKEN_FILE."""

    def client(
        self, database: Database, environment: Mapping[str, str] = os.environ
    ) -> Client | None:
        """The API that is meant; None: the database here is.

        Raises:
            Failed: the options contradict each other, or are no URL and no token.
        """
        if database.path is not None and self.url is None:
            return None  # more exact than a variable
        url = self.url or environment.get(URL)
        if not url:
            if self.token is not None or self.token_file is not None:
                raise Failed(f"a token is for --url (or {URL}): here, the database is opened")
            return None
        if database.path is not None:
            raise Failed("give --url or --database, not both")
        token, source = self._token(environment)
        return Client(_checked(url), token, source)

    def _token(self, environment: Mapping[str, str]) -> tuple[str | None, str]:
        """The token that is given, if one is, and where."""
        if self.token is not None and self.token_file is not None:
            raise Failed("give --token or --token-file, not both")
        if self.token is not None:
            token, source = self.token, "--token"
        elif self.token_file is not None:
            token, source = _first_line(self.token_file), str(self.token_file)
        elif environment.get(TOKEN):
            token, source = environment[TOKEN], TOKEN
        elif file := environment.get(TOKEN_FILE):
            token, source = _first_line(Path(file)), f"{file} ({TOKEN_FILE})"
        else:
            return None, ""
        token = token.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise Failed(
                f"{source} holds no token: one begins with ocpptrio_, and is shown by tokens add"
            )
        return token, source


# No daemon elsewhere, unless a variable names one.
HERE: Final = Remote()


async def either(
    client: Client | None,
    here: Callable[[], Awaitable[T]],
    there: Callable[[Client], Awaitable[T]],
) -> T:
    """What a command does: in the database here, or there, through the API."""
    if client is None:
        return await here()
    async with client:
        return await there(client)


def _checked(url: str) -> str:
    """The URL without what is added to it."""
    example = "write http://192.0.2.1:8081, or https:// and the name of your proxy"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is none raises
    except ValueError as error:
        raise Failed(f"--url {url}: {error}; {example}") from None
    if parts.username is not None or parts.password is not None:
        raise Failed(f"--url: no user and password in it; {example}, and use a token")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise Failed(f"--url {url}: {example}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Failed(f"--url {url}: expected visible ASCII characters; {example}")
    return url.rstrip("/").removesuffix("/api/v1")


def _first_line(file: Path) -> str:
    try:
        return file.read_text().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text"
        raise Failed(f"{file}: the token cannot be read: {reason}") from error


class _Messages:
    """Server-sent events out of the bytes that come; one that is cut in the middle is none."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, chunk: bytes) -> list[Message]:
        *blocks, self._buffer = (self._buffer + chunk).split(b"\n\n")
        return [_message(block.decode()) for block in blocks]


def _message(block: str) -> Message:
    number, data = None, []
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and value.isdecimal():
            number = int(value)
        elif name == "data":
            data.append(value)
    return Message(number, "\n".join(data))
