"""Options that commands share: which database, and moments in time.

Commands open the database themselves, beside a running daemon: short reads and writes, and the
daemon notices what they change. Not here: how they print (output).
"""

import re
import shlex
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from cyclopts import Parameter, Token, validators

from ocpptrio.cli.output import Failed
from ocpptrio.clock import parse_time, system_clock
from ocpptrio.config import Settings
from ocpptrio.config_sources import Option, load_effective
from ocpptrio.daemon_lock import has_daemon
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.sqlite import SqliteStore

T = TypeVar("T")

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_S: Final = 100 * 366 * 86_400  # far from what a time can hold


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Database:
    """Where the database is."""

    config: Annotated[
        Path | None, Parameter(name=["--config", "-c"], env_var="OCPPTRIO_CONFIG")
    ] = None
    """The config.toml to read."""
    path: Annotated[Path | None, Parameter(name="--database")] = None
    """The database, in place of [store] path."""

    def options(self) -> Mapping[tuple[str, str], Option]:
        """What these options replace in the settings."""
        if self.path is None:
            return {}
        return {("store", "path"): Option("--database", str(self.path))}

    def as_typed(self) -> str:
        """These options as another command needs them."""
        typed = [("--config", self.config), ("--database", self.path)]
        return shlex.join(str(part) for name, path in typed if path for part in (name, path))

    def settings(self) -> Settings:
        """The settings in effect.

        Raises:
            ConfigError: one is wrong.
        """
        return load_effective(self.config, options=self.options()).settings

    async def read(self, work: Callable[[Reader], T]) -> T:
        """Run `work` beside the daemon.

        Raises:
            Failed: there is no database yet.
        """
        async with self.open() as store:
            return await store.read(work)

    async def write(self, work: Callable[[Db], T], *, create: bool = False) -> T:
        """Run `work` beside the daemon.

        Args:
            create: a database that is not there is made: of what comes before the first start.

        Raises:
            Failed: there is no database yet, and none is to be made.
        """
        async with self.open(create=create) as store:
            return await store.write(work)

    @asynccontextmanager
    async def open(self, *, create: bool = False) -> AsyncIterator[SqliteStore]:
        """The store, for the duration of an `async with` block.

        Raises:
            Failed: there is no database yet, and none is to be made.
            StoreError: it cannot be used.
        """
        path = self._existing(create)
        # Inline, without a thread: a command does one thing at a time.
        async with SqliteStore(path, inline=True) as store:
            yield store

    def has_daemon(self) -> bool:
        """Whether a daemon runs on it."""
        return has_daemon(self.settings().store.path)

    def _existing(self, create: bool) -> str:
        path = self.settings().store.path
        if path == ":memory:":
            raise Failed("the database is in the memory of the daemon; set [store] path to a file")
        if not create and not Path(path).exists():
            raise Failed(
                f"no database at {Path(path).resolve()}; start the daemon first (ocpptrio serve), "
                "or name another (--database, --config)"
            )
        return path


# The database of the configuration.
FROM_SETTINGS: Final = Database()


def parse_duration(text: str) -> float:
    """Seconds of `30`, `30s`, `10m`, `2h`, `7d` or `2w`.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smhdw]?)", text)
    if found is None:
        raise ValueError("write 30s, 10m, 2h or 7d")
    seconds = float(found[1]) * _UNITS_S[found[2] or "s"]
    if seconds > _LONGEST_S:
        raise ValueError("at most 100 years")
    return seconds


def parse_moment(text: str, now_us: int) -> int:
    """As `parse_time`, or `30m`, `2h`, `7d` for that long ago.

    Raises:
        ValueError: it is none of these.
    """
    try:
        if re.fullmatch(r"[\d.]{1,9}[smhdw]", text):
            return now_us - round(parse_duration(text) * 1_000_000)
        return parse_time(text)
    except ValueError as error:
        raise ValueError(f"{error}, or 30m, 2h, 7d for ago") from None


def _moment(_type: Any, tokens: Sequence[Token]) -> int:  # Any: as cyclopts calls it
    return parse_moment(tokens[0].value, system_clock())


# The value of an option such as --since.
Moment = Annotated[int | None, Parameter(converter=_moment, metavar="TIME")]


def _duration(_type: Any, tokens: Sequence[Token]) -> float:  # Any: as cyclopts calls it
    return parse_duration(tokens[0].value)


# The value of an option such as --wait.
Duration = Annotated[float | None, Parameter(converter=_duration, metavar="TIME")]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Limit = Annotated[int, Parameter(validator=validators.Number(gte=1))]
# Of --expires: less than a second is a mistake.
Expiry = Annotated[Duration, Parameter(validator=validators.Number(gte=1))]
