"""Wanted configuration as TOML, either way; what was written reads back. Not here: the database."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import tomli

from ocpptrio.cli.output import Failed
from ocpptrio.store.records import WantedRecord
from ocpptrio.store.vocabulary import WantedScope

_SECTIONS: Final = {
    WantedScope.CHARGE_POINT: "charge-points",
    WantedScope.GROUP: "groups",
}

Entry = tuple[WantedScope, str, str, str]
"""Scope, target, key, value."""


def render(records: Iterable[WantedRecord]) -> str:
    """A table for each charge point and each group of which something is wanted."""
    lines: list[str] = []
    last = None
    for record in records:
        if (record.scope, record.target) != last:
            last = (record.scope, record.target)
            lines += [""] if lines else []
            lines.append(f"[{_SECTIONS[record.scope]}.{_quoted(record.target)}]")
        lines.append(f"{_quoted(record.key)} = {_quoted(record.value)}")
    return "".join(f"{line}\n" for line in lines)


def parse(file: Path) -> list[Entry]:
    """What a file wants.

    Raises:
        Failed: it cannot be read, or holds something else.
    """
    try:
        document = tomli.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{file}: cannot be read: {error}") from error
    except tomli.TOMLDecodeError as error:
        raise Failed(f"{file}: not TOML: {error}") from error
    scopes = {name: scope for scope, name in _SECTIONS.items()}
    entries: list[Entry] = []
    for section, targets in document.items():
        if section not in scopes or not isinstance(targets, dict):
            raise Failed(f"{file}: {section}: write [charge-points.ID] or [groups.NAME]")
        for target, keys in targets.items():
            if not isinstance(keys, dict):
                raise Failed(f"{file}: {section}.{target}: write [{section}.NAME] above it")
            for key, value in keys.items():
                where = f"{file}: [{section}.{target}] {key}"
                entries.append((scopes[section], target, key, _text(value, where)))
    return entries


def _text(value: object, where: str) -> str:
    """A value as OCPP writes it: always text."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | str():
            return str(value)
        case list() if all(isinstance(item, str) for item in value):
            return ",".join(value)
    raise Failed(f"{where}: write a text, a number, true, false, or a list of texts")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
