"""Vendor profiles: what is known of the charge points of a maker, as data.

Shipped in vendor_profiles.toml beside this module; an operator adds a directory of such files. A
profile is chosen by vendor, model and firmware as a BootNotification gives them. Not here: acting
on it; each service asks for the field that concerns it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta, timezone, tzinfo
from difflib import get_close_matches
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
import tomli
from msgspec import Meta

from ocpptrio.errors import ConfigError

SHIPPED: Final = "vendor_profiles.toml"
PROFILES_REMEMBERED: Final = 1000  # choices; a fleet has fewer kinds of charge points

Pattern = Annotated[str, Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0)]


class VendorProfile(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What is special about a kind of charge point; with all defaults, nothing.

    Attributes:
        name: how people refer to it.
        vendor, model, firmware: patterns with * and ?, letter case ignored; one of each must fit.
        note: what an operator should know.
        pings: it answers WebSocket pings, or at least bears them (Q13).
        call_timeout_s: how long it may take to answer, in place of [ocpp] call_timeout (Q36).
        boot_grace_s: how long our CALLs wait on a fresh connection for its BootNotification, in
            place of [ocpp] boot_grace (Q16).
        slow_to_return: once disconnected it comes back after many minutes, or never: no
            connection should be closed to mend something (Q19), and it is missed later.
        hex_id_tags_only: it refuses idTags with other characters than hexadecimal digits (Q50).
        remote_id_tag: the only idTag that it takes in a RemoteStartTransaction (Q50).
        session_register: its sampled energy counts from the start of the transaction, while
            StartTransaction and StopTransaction hold the lifetime register (Q44).
        time_zone: its timestamps without a zone are the local time of `Europe/Berlin` or `+08:00`;
            None: they are UTC (Q34).
        trigger_boot_reboots: TriggerMessage for a BootNotification makes it reboot.
        unannounced_feature_profiles: it has these, though SupportedFeatureProfiles leaves them
            out (Q55).
        connector_zero_availability: ChangeAvailability takes connector 0 (Q53).
        stuck_in_finishing: after a remote stop it stays in Finishing until unplugged: no reset and
            no trigger helps (Q49).
        interrupting_keys: patterns of configuration keys whose change disturbs a transaction.
        fixed_keys: patterns of configuration keys that are never to be written.
    """

    name: Annotated[str, Meta(min_length=1)]
    vendor: tuple[Pattern, ...] = ("*",)
    model: tuple[Pattern, ...] = ("*",)
    firmware: tuple[Pattern, ...] = ("*",)
    note: str | None = None
    pings: bool = True
    call_timeout_s: Seconds | None = None
    boot_grace_s: Annotated[float, Meta(ge=0)] | None = None
    slow_to_return: bool = False
    hex_id_tags_only: bool = False
    remote_id_tag: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    session_register: bool = False
    time_zone: str | None = None
    trigger_boot_reboots: bool = False
    unannounced_feature_profiles: tuple[str, ...] = ()
    connector_zero_availability: bool = True
    stuck_in_finishing: bool = False
    interrupting_keys: tuple[Pattern, ...] = ("ConnectorPhaseRotation",)
    fixed_keys: tuple[Pattern, ...] = ()

    def __post_init__(self) -> None:
        if self.time_zone is not None:
            _zone(self.time_zone)

    @property
    def zone(self) -> tzinfo | None:
        """The zone of its times without one, if that is known."""
        return None if self.time_zone is None else _zone(self.time_zone)

    def fits(self, vendor: str, model: str, firmware_version: str) -> bool:
        """Whether this profile is for such a charge point."""
        return (
            matches(self.vendor, vendor)
            and matches(self.model, model)
            and matches(self.firmware, firmware_version)
        )


# Nothing special is known.
ORDINARY: Final = VendorProfile(name="none")


class VendorProfiles:
    """All profiles, in the order in which they are tried."""

    def __init__(self, profiles: Sequence[VendorProfile] = ()) -> None:
        self._profiles = tuple(profiles)
        self._chosen: dict[tuple[str, str, str], VendorProfile] = {}

    def __iter__(self) -> Iterator[VendorProfile]:
        return iter(self._profiles)

    def choose(
        self, vendor: str | None, model: str | None, firmware_version: str | None
    ) -> VendorProfile:
        """The first profile that fits; ORDINARY if none does, or nothing has been said yet."""
        if vendor is None:
            return ORDINARY
        kind = (vendor, model or "", firmware_version or "")
        profile = self._chosen.get(kind)
        if profile is None:
            fitting = (profile for profile in self._profiles if profile.fits(*kind))
            profile = next(fitting, ORDINARY)
            if len(self._chosen) >= PROFILES_REMEMBERED:
                self._chosen.clear()
            self._chosen[kind] = profile
        return profile


def load_profiles(directory: str | None = None) -> VendorProfiles:
    """The shipped profiles, and before them those of the *.toml files of a directory, by name.

    Raises:
        ConfigError: a file cannot be read, or something in it is wrong; names file, profile, key,
            reason and remedy.
    """
    profiles: list[VendorProfile] = []
    if directory:
        folder = Path(directory)
        if not folder.is_dir():
            raise ConfigError(
                f"[vendor_profiles] directory: {directory}: no such directory; make it, or leave "
                "the key out"
            )
        for path in sorted(folder.glob("*.toml")):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{path}: cannot be read: {error}") from error
            profiles += parse(text, str(path))
    shipped = files("ocpptrio").joinpath(SHIPPED).read_text(encoding="utf-8")
    return VendorProfiles(profiles + parse(shipped, SHIPPED))


def parse(text: str, source: str) -> list[VendorProfile]:
    """The profiles of a file, in its order.

    Raises:
        ConfigError: see `load_profiles`.
    """
    try:
        document = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not TOML: {error}") from error
    tables = document.get("profile", [])
    if document.keys() - {"profile"} or not isinstance(tables, list):
        raise ConfigError(f"{source}: write each profile below a line [[profile]]")
    return [_profile(table, f"{source}: profile {n}") for n, table in enumerate(tables, start=1)]


def matches(patterns: Iterable[str], text: str) -> bool:
    """Whether one of the patterns fits the text, letter case and blanks around it ignored."""
    folded = text.strip().casefold()
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in patterns)


def _profile(table: Any, where: str) -> VendorProfile:  # Any: what TOML holds there
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: write it below a line [[profile]]")
    if isinstance(table.get("name"), str):
        where += f" ({table['name']})"
    known = VendorProfile.__struct_fields__
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise ConfigError(f"{where}: {key}: unknown key; {hint}")
    # One pattern needs no list.
    values = {
        key: [value] if key in ("vendor", "model", "firmware") and isinstance(value, str) else value
        for key, value in table.items()
    }
    try:
        profile = msgspec.convert(values, VendorProfile)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        key = place.strip(".`").partition("[")[0]
        key = f"{key}: " if key else ""
        reason = reason[:1].lower() + reason[1:].replace("`", "")
        raise ConfigError(f"{where}: {key}{reason}; see docs/vendor-profiles.md") from error
    if all(patterns == ("*",) for patterns in (profile.vendor, profile.model, profile.firmware)):
        raise ConfigError(
            f"{where}: fits every charge point; give a pattern for vendor, model or firmware"
        )
    return profile


def _zone(name: str) -> tzinfo:
    offset = re.fullmatch(r"([+-])(\d\d):(\d\d)", name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # no such zone, no such folder, a name like /etc
        raise ValueError(
            f"time_zone: {name!r} is no time zone; write Europe/Berlin or +08:00"
        ) from None
