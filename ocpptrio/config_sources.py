"""Where settings come from: config.toml, the environment over it, options over both.

Not here: what can be set (config), which options the command line has (cli).
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec
import tomli

from ocpptrio.config import SECRETS, Settings
from ocpptrio.errors import ConfigError

PREFIX: Final = "OCPPTRIO_"  # of the environment variables that are settings
# What commands take from the environment beside settings: which file to read, and which daemon to
# ask as whom (cli.options, cli.remote).
OF_COMMANDS: Final = ("CONFIG", "URL", "TOKEN", "TOKEN_FILE")

NOT_SHOWN: Final = "(not shown)"
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s]*(?=@)")  # of a URL, which may hold a password


class Effective(msgspec.Struct, frozen=True):
    """The settings, and where each that is not a default comes from.

    Attributes:
        sources: (section, key) -> the file, the environment variable or the option.
    """

    settings: Settings
    sources: Mapping[tuple[str, str], str]


class Option(msgspec.Struct, frozen=True):
    """A value from the command line, and the name of the option it was given with."""

    name: str
    value: object


def load(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read a config.toml, then the environment over it; see `load_effective`."""
    return load_effective(path, environment).settings


def load_effective(
    path: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    options: Mapping[tuple[str, str], Option] = MappingProxyType({}),
) -> Effective:
    """Read a config.toml, the environment over it, and options over both.

    A variable `OCPPTRIO_<SECTION>_<KEY>` replaces the key (`OCPPTRIO_OCPP_PORT=9000`); a list is
    written with commas. What looks like a misspelt one is an error; others are none of ours.

    Args:
        options: (section, key) -> what the command line says.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, or a value that does not fit; names
            file, key, reason and remedy.
    """
    given: dict[tuple[str, str], _Given] = {}
    values: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}  # Any: see fields
    for layer in (
        {} if path is None else _from_file(path),
        _from_environment(environment),
        {key: _Given(o.value, o.name, f"{o.name} {o.value}") for key, o in options.items()},
    ):
        for (section, key), value in layer.items():
            values[section][key] = _converted(section, key, value)
        given |= layer
    sections: dict[str, Any] = {}  # Any: each its own struct
    for section in _SECTIONS:
        try:
            sections[section] = type(getattr(Settings(), section))(**values[section])
        except ValueError as error:  # from __post_init__
            key, _, reason = str(error).partition(": ")
            raise _wrong(section, key, given[section, key], reason) from error
    sources = {key: value.source for key, value in given.items()}
    return Effective(Settings(**sections), sources)


class _Given(msgspec.Struct, frozen=True):
    """A value that somebody gave: where it comes from, and how it reads there."""

    value: object
    source: str
    shown: str
    is_text: bool = False  # of an environment variable: numbers are still to be read


# section -> key -> default
_SECTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    section: msgspec.structs.asdict(getattr(Settings(), section))
    for section in Settings.__struct_fields__
}


def _from_file(path: Path) -> dict[tuple[str, str], _Given]:
    try:
        document = tomli.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; leave --config out to use defaults") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except tomli.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    given = {}
    for section, values in document.items():
        if section not in _SECTIONS:
            raise ConfigError(f"{path}: {_unknown_section(section)}")
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: {section} is a section: write [{section}] on its own line")
        for key, value in values.items():
            if key not in _SECTIONS[section]:
                raise ConfigError(f"{path}: [{section}] {key}: {_unknown_key(section, key)}")
            shown = f"{path}: [{section}] {key} = {_hidden(section, key, _shown(value))}"
            given[section, key] = _Given(value, str(path), shown)
    return given


def _from_environment(environment: Mapping[str, str]) -> dict[tuple[str, str], _Given]:
    variables = {
        f"{section}_{key}".upper(): (section, key)
        for section, defaults in _SECTIONS.items()
        for key in defaults
    }
    given = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX)
        if name in variables:
            section, key = variables[name]
            shown = f"environment: {variable}={_hidden(section, key, text)}"
            given[section, key] = _Given(text, variable, shown, is_text=True)
        elif name in OF_COMMANDS:
            continue
        elif near := get_close_matches(name, [*variables, *OF_COMMANDS], n=1, cutoff=0.8):
            raise ConfigError(
                f"environment: {variable}: unknown; did you mean {PREFIX}{near[0]}? Else unset it"
            )
    return given


def _converted(section: str, key: str, given: _Given) -> Any:  # Any: as the field says
    value = given.value
    default = _SECTIONS[section][key]
    if given.is_text and isinstance(value, str) and isinstance(default, tuple):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(default, StrEnum) and isinstance(value, str):
        spellings = {member.casefold(): member for member in type(default)}
        value = spellings.get(value.casefold(), value)
    fields = msgspec.structs.fields(type(getattr(Settings(), section)))
    kind = next(field.type for field in fields if field.name == key)
    try:
        return msgspec.convert(value, kind, strict=not given.is_text)
    except msgspec.ValidationError as error:
        if isinstance(default, StrEnum):
            reason = f"known here: {', '.join(type(default))}"
        else:
            reason = str(error).partition(" - at ")[0].replace("`", "")
        raise _wrong(section, key, given, reason) from error


def _wrong(section: str, key: str, given: _Given, reason: str) -> ConfigError:
    default = _shown(_SECTIONS[section][key])
    reason = reason[:1].lower() + reason[1:]
    return ConfigError(f"{given.shown}: {reason}. Leave it out to use the default, {default}")


def _unknown_section(name: str) -> str:
    homes = [section for section, defaults in _SECTIONS.items() if name in defaults]
    if homes:
        return f"{name}: belongs below the line [{homes[0]}]"
    near = get_close_matches(name, _SECTIONS, n=1)
    hint = f"did you mean [{near[0]}]?" if near else f"known: {', '.join(_SECTIONS)}"
    return f"[{name}]: unknown section; {hint}"


def _unknown_key(section: str, name: str) -> str:
    homes = [other for other, defaults in _SECTIONS.items() if name in defaults]
    if homes:
        return f"belongs in section [{homes[0]}]"
    near = get_close_matches(name, _SECTIONS[section], n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_SECTIONS[section])}"
    return f"unknown key; {hint}"


def _hidden(section: str, key: str, text: str) -> str:
    """A value as an error shows it."""
    return NOT_SHOWN if (section, key) in SECRETS else _USER_INFO.sub(NOT_SHOWN, text)


def _shown(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
