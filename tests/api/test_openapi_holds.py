"""The OpenAPI document tells the truth: a program that we did not write tries it out.

Schemathesis makes requests from the document, good and bad ones, and holds each answer to it.
`OCPPTRIO_OPENAPI_EXAMPLES=50 pytest -n 0 tests/api/test_openapi_holds.py` takes longer: more
requests for each operation, and one for each limit in the document, some ten thousand.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import trio

from ocpptrio.clock import system_clock
from ocpptrio.services.access import new_token
from ocpptrio.store.sqlite import SqliteStore
from ocpptrio.store.vocabulary import Role

EXAMPLES = os.environ.get("OCPPTRIO_OPENAPI_EXAMPLES")
PHASES = "fuzzing,stateful" if EXAMPLES is None else "coverage,fuzzing,stateful"
PATIENCE_S = 600
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# It would take away its own right to go on, or wait for what never comes.
LEFT_OUT = ("remove_token", "stream_events")


# Long polls would wait for charge points that are not there.
CONFIG = """[parameters]
"query.wait_s" = 0
"""


def test_no_answer_breaks_the_document(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    serve = [sys.executable, "-m", "ocpptrio", "serve", "--port", "0", "--api-port", "0"]
    with subprocess.Popen(
        [*serve, "--database", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as daemon:
        try:
            assert daemon.stdout is not None
            banner = ""
            while "Stop" not in banner:
                banner += daemon.stdout.readline().decode()
            found = re.search(r"http://[^/]*", banner)
            assert found is not None
            tried = subprocess.run(
                [
                    str(Path(sys.executable).parent / "schemathesis"),
                    "run",
                    f"{found[0]}/api/openapi.json",
                    f"--header=Authorization: Bearer {admin_token(path)}",
                    f"--checks={','.join(CHECKS)}",
                    f"--phases={PHASES}",
                    f"--max-examples={EXAMPLES or 2}",
                    "--seed=1",
                    "--generation-database=none",
                    *(f"--exclude-operation-id={name}" for name in LEFT_OUT),
                ],
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
                cwd=tmp_path,
            )
        finally:
            daemon.terminate()
    assert tried.returncode == 0, tried.stdout[-10_000:] + tried.stderr
    generated = re.search(r"(\d+) generated", tried.stdout)
    assert generated is not None, tried.stdout
    assert int(generated[1]) > 100
    assert daemon.returncode == 0


def admin_token(path: Path) -> str:
    async def make() -> str:
        async with SqliteStore(path, inline=True) as store:
            _record, token = await store.write(
                lambda db: new_token(
                    db,
                    "schemathesis",
                    role=Role.ADMIN,
                    created_by="tests",
                    at_us=system_clock(),
                    expires_at_us=None,
                )
            )
            return token

    return trio.run(make)
