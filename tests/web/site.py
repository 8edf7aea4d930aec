"""A daemon and simulated charge points as processes, and its API for what a test needs first."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

ROOT: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 20
COOKIE: Final = re.compile(r"([^=;]+)=([^;]*)")


class Site:
    """A daemon and its charge points. Unknown ones are turned away.

    Attributes:
        url: of the dashboard, without a slash at the end.
        login_url: that logs the first user in, once.
        ocpp_url: that a simulator takes.
    """

    def __init__(self, directory: Path, **settings: str) -> None:
        """Settings as environment variables, without OCPPTRIO_."""
        self._directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        given = {
            "OCPP_UNKNOWN_CHARGE_POINTS": "reject",
            "ALERTS_SECURITY_EVENTS": "TamperDetectionActivated,StartupOfTheDevice",
            **settings,
        }
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            **{f"OCPPTRIO_{name}": value for name, value in given.items()},
        }
        self._token = ""
        self._daemon, banner = self._serve("0", "0")
        self.login_url = _found(r"http://\S*#key=\S*", banner)
        self.url = self.login_url.partition("/login")[0]
        self.ocpp_url = _found(r"ws://\S*/ocpp/", banner)[:-1]

    def down(self) -> None:
        """The daemon ends."""
        self.stop(self._daemon)

    def up(self) -> None:
        """It comes back where it was, with what it knew."""
        ports = [address.rpartition(":")[2] for address in (self.ocpp_url[:-5], self.url)]
        self._daemon, _ = self._serve(*ports)

    def simulate(self, *arguments: str, plugged: bool = False) -> subprocess.Popen[bytes]:
        """Start `ocpptrio simulate` with these arguments, against this daemon.

        plugged: cars stand there and wait to be told to charge.
        """
        scenario = ["--scenario", "tests.web.scenarios:plugged"] if plugged else []
        return self._start("simulate", "--url", self.ocpp_url, *scenario, *arguments, quiet=True)

    def log_in(self) -> dict[str, Any]:  # Any: cookies, as the browser keeps them
        """With the one-time address. What a browser then holds; the API is open, too."""
        key = self.login_url.partition("#key=")[2]
        held, headers = self._session({"login_key": key})
        with self._ask("POST", "/tokens", {"name": "tests", "role": "admin"}, headers) as response:
            self._token = json.load(response)["token"]
        return held

    def somebody(self, user_name: str, role: str) -> dict[str, Any]:  # Any: likewise
        """A new user with this role, logged in: what their browser holds."""
        self.api(
            "POST", "/users", {"user_name": user_name, "role": role, "password": user_name * 2}
        )
        return self._session({"user_name": user_name, "password": user_name * 2})[0]

    def api(self, method: str, path: str, body: Any = None) -> Any:  # Any: JSON
        """As an admin."""
        headers = {"Authorization": f"Bearer {self._token}"}
        with self._ask(method, path, body, headers) as response:
            return json.loads(response.read() or b"null")

    def register(self, *charge_point_ids: str, mode: str = "everybody") -> None:
        for charge_point_id in charge_point_ids:
            self.api("POST", "/charge-points", {"charge_point_id": charge_point_id, "mode": mode})

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        self._processes.remove(process)
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def close(self) -> None:
        for process in reversed(self._processes[:]):
            self.stop(process)

    def _session(self, body: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        with self._ask("POST", "/session", body) as response:
            found = COOKIE.match(response.headers["Set-Cookie"])
            csrf_token = json.load(response)["csrf_token"]
        assert found is not None
        cookie = {"name": found[1], "value": found[2], "domain": "127.0.0.1", "path": "/"}
        kept = {"expires": -1, "httpOnly": True, "secure": False, "sameSite": "Lax"}
        held = {"cookies": [{**cookie, **kept}], "origins": []}
        return held, {"Cookie": found[0], "X-CSRF-Token": csrf_token}

    def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:  # Any: of urllib
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        request = Request(f"{self.url}/api/v1{path}", data, given, method=method)
        return urlopen(request, timeout=PATIENCE_S)

    def _serve(self, port: str, api_port: str) -> tuple[subprocess.Popen[bytes], str]:
        arguments = ["--port", port, "--api-port", api_port, "--database", "test.db"]
        daemon = self._start("serve", *arguments)
        assert daemon.stdout is not None
        banner = ""
        while "Stop" not in banner:
            line = daemon.stdout.readline().decode()
            assert line, f"the daemon ended: {banner}"
            banner += line
        return daemon, banner

    def _start(self, *arguments: str, quiet: bool = False) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "ocpptrio", *arguments],
            cwd=self._directory,
            env=self._environment,
            stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found[0]
