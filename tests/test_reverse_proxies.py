"""Proxies as docs/reverse-proxies.md sets them up: real ones, before a whole central system."""

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2
import pytest
import trio

from ocpptrio import config_sources
from ocpptrio.api.server import ApiServer
from ocpptrio.central_system import CentralSystem
from ocpptrio.cli.output import Failed
from ocpptrio.cli.remote import Client
from ocpptrio.config import Settings
from ocpptrio.store.vocabulary import Role
from tests.api.conftest import token_for
from tests.clients import connection
from tests.simulator.authority import Authority

PAGE: Final = (Path(__file__).parent.parent / "docs" / "reverse-proxies.md").read_text()
NAME: Final = "ocpp.example.com"
PATIENCE_S: Final = 20
PASSWORD: Final = "0123456789abcdef"
UPGRADE: Final = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def shown(section: str, language: str) -> list[str]:
    """The blocks of a section of the page, "" the one before the first."""
    text = re.split(rf"^## {section}\n" if section else r"\A", PAGE, flags=re.MULTILINE)[1]
    text = text.partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def nginx(directory: Path, port: int, certificate: Path) -> list[str]:
    (site,), (dashboard,) = shown("nginx", "text"), shown("The dashboard and the API", "text")
    site = site.rstrip().removesuffix("}") + dashboard + "}\n"
    site = site.replace("listen 443", f"listen 127.0.0.1:{port}")
    site = re.sub(r"/etc/ssl/\S+(?=;)", str(certificate), site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""  # else it may not write there
    whole = (
        f"daemon off; {user} worker_processes 1; pid {directory}/nginx.pid;\n"
        f"error_log stderr notice; events {{}}\nhttp {{ access_log off; {folders}\n{site}}}\n"
    )
    return ["nginx", "-e", "stderr", "-p", str(directory), "-c", _file(directory, whole)]


def caddy(directory: Path, port: int, certificate: Path) -> list[str]:
    (site,) = shown("Caddy", "text")
    dashboard = re.findall(r"^Caddy, beside the line above: `(.*)`", PAGE, re.MULTILINE)[0]
    site = site.rstrip().removesuffix("}") + f"{dashboard}\ntls {certificate} {certificate}\n}}\n"
    site = site.replace(NAME, f"https://127.0.0.1:{port}")
    whole = "{\nadmin off\nauto_https disable_redirects\n}\n" + site
    return ["caddy", "run", "--adapter", "caddyfile", "--config", _file(directory, whole)]


def _file(directory: Path, text: str) -> str:
    path = directory / "proxy.conf"
    path.write_text(text)
    return str(path)


KINDS: Final = {
    "nginx": (nginx, b"start worker process "),
    "caddy": (caddy, b"serving initial configuration"),
}


@contextmanager
def running(command: list[str], directory: Path, says: bytes) -> Iterator[None]:
    """A process, once it has said that on standard error."""
    executable = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin")
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail(f"{command[0]} is needed here")
        pytest.skip(f"needs {command[0]} on this machine")
    environment = os.environ | {"XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    process = subprocess.Popen(
        [executable, *command[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stderr is not None
    said = b""
    try:
        while says not in said:
            line = process.stderr.readline()
            assert line, said.decode()
            said += line
        yield
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


class Proxied(NamedTuple):
    """A central system, and the proxy before it."""

    central: CentralSystem
    port: int
    context: ssl.SSLContext  # that trusts its certificate
    root: Path  # of that certificate

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self, address: str = "127.0.0.1", **options: Any) -> httpx2.AsyncClient:
        """An HTTP client at this address of this machine."""
        transport = httpx2.AsyncHTTPTransport(verify=self.context, local_address=address)
        return httpx2.AsyncClient(transport=transport, base_url=self.url, **options)


def settings(directory: Path) -> Settings:
    """What the page sets, on free ports."""
    path = directory / "config.toml"
    blocks = shown("", "toml")[:1] + shown("The dashboard and the API", "toml")
    path.write_text("\n".join(blocks))
    ports = {"OCPPTRIO_OCPP_PORT": "0", "OCPPTRIO_API_PORT": "0", "OCPPTRIO_STORE_PATH": ":memory:"}
    return config_sources.load(path, ports)


@pytest.fixture(params=KINDS)
async def proxied(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Proxied]:
    command, says = KINDS[request.param]
    certificate, root = Authority().server_files(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with CentralSystem(settings(tmp_path), inline_store=True) as central:
        server = ApiServer(central)
        async with trio.open_nursery() as nursery:
            (api_url,) = await nursery.start(server.run)
            ports = {"8080": str(central.addresses[0][1]), "8081": api_url.rpartition(":")[2]}
            page = re.sub(r"\b808[01]\b", lambda found: ports[found[0]], PAGE)
            monkeypatch.setitem(globals(), "PAGE", page)
            with running(command(tmp_path, port, certificate), tmp_path, says):
                yield Proxied(central, port, ssl.create_default_context(cafile=root), root)
            await server.stop()


async def test_charge_points_come_through_as_who_and_from_where_they_are(proxied: Proxied) -> None:
    token = await token_for(proxied.central, Role.ADMIN)
    async with proxied.client(headers={"Authorization": f"Bearer {token}"}) as client:
        body = {"charge_point_id": "a/b é%2F", "password": PASSWORD}
        assert (await client.post("/api/v1/charge-points", json=body)).status_code == 201
        credentials = httpx2.BasicAuth("a/b é%2F", PASSWORD)._auth_header.encode()
        async with connection(
            "127.0.0.1",
            proxied.port,
            "/ocpp/a%2Fb%20%C3%A9%252F",
            headers=[(b"Authorization", credentials)],
            context=proxied.context,
        ) as point:
            assert (await point.boot())["status"] == "Accepted"
            found = await client.get("/api/v1/charge-points/a%2Fb%20%C3%A9%252F")
            assert found.json()["connected"] is True
        async with proxied.client("127.0.0.2") as elsewhere:
            assert (await elsewhere.get("/ocpp/CP2", headers=UPGRADE)).status_code == 404
            answer = await elsewhere.get("/ocpp/CP2")
            assert (answer.status_code, "the proxy in front" in answer.text) == (426, True)
        attempts = (await client.get("/api/v1/attempts")).json()["items"]
    assert {one["charge_point_id"]: one["peer"] for one in attempts} == {
        "CP2": "127.0.0.2",
        "": "127.0.0.1",  # without the headers it is the proxy that is noted
    }


async def test_the_dashboard_and_the_api_come_through(proxied: Proxied) -> None:
    key = await proxied.central.services.access.first_login_key()
    async with proxied.client("127.0.0.2") as browser:
        assert "<script" in (await browser.get("/login")).text
        login = await browser.post("/api/v1/session", json={"login_key": key})
        cookie = login.headers["Set-Cookie"]
        assert cookie.startswith("__Host-")
        assert "; Secure" in cookie
        body = {"charge_point_id": "CP1"}
        assert (await browser.post("/api/v1/charge-points", json=body)).status_code == 403
        browser.headers["X-CSRF-Token"] = login.json()["csrf_token"]
        assert (await browser.post("/api/v1/charge-points", json=body)).status_code == 201
        (_login, _refused, added) = reversed((await browser.get("/api/v1/audit")).json()["items"])
        assert (added["status"], added["address"]) == (201, "127.0.0.2")

        tags = "id_tag,note\n" + "".join(f"TAG{n},{'x' * 500}\n" for n in range(3000))
        csv = {"Content-Type": "text/csv"}
        imported = await browser.post("/api/v1/tags.csv", content=tags, headers=csv)
        assert imported.json() == {"added": 3000, "changed": 0}, "more than 1 MB"
        assert len((await browser.get("/api/v1/tags.csv")).text) > len(tags)


async def test_commands_and_live_events_come_through_if_its_certificate_is_trusted(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await token_for(proxied.central, Role.ADMIN)
    async with Client(proxied.url, token) as stranger:
        with pytest.raises(Failed, match=r"none that this machine trusts: .*SSL_CERT_FILE"):
            await stranger.get("tokens")
    monkeypatch.setenv("SSL_CERT_FILE", str(proxied.root))
    async with Client(proxied.url, token) as trusting:
        assert len(await trusting.items("tokens")) == 1

        # Live events are not collected on the way: their stream has no end.
        with trio.move_on_after(PATIENCE_S) as waiting:
            async with trio.open_nursery() as nursery:
                await trusting.send("POST", "charge-points", body={"charge_point_id": "CP1"})
                await trusting.follow(
                    "events",
                    "stream",
                    query={},
                    after=0,
                    show=lambda event: nursery.cancel_scope.cancel(),
                    on_cut=lambda *why: pytest.fail(str(why)),
                )
        assert not waiting.cancelled_caught
