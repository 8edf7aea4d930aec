"""`ocpptrio check-config`: every setting in effect, and where it comes from."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from ocpptrio.cli.output import FOR_PEOPLE, Output
from ocpptrio.config import SECRETS
from ocpptrio.config_sources import NOT_SHOWN, load_effective
from ocpptrio.services.alert_notices import quiet_times
from ocpptrio.services.mqtt_topics import chosen_kinds
from ocpptrio.vendor_profiles import load_profiles


class SettingView(msgspec.Struct, frozen=True, kw_only=True):
    """A setting in effect; `source` is a file, an environment variable, or "default"."""

    section: str
    key: str
    value: Any  # Any: of the type that the setting has
    source: str


def check_config(
    file: Annotated[Path | None, Parameter(env_var="OCPPTRIO_CONFIG")] = None,
    /,
    *,
    output: Output = FOR_PEOPLE,
) -> None:
    """Show every setting in effect and where it comes from, or what is wrong with one.

    Args:
        file: The config.toml to check; without it, defaults and environment.
    """
    effective = load_effective(file)
    load_profiles(effective.settings.vendor_profiles.directory)  # for what is wrong with one
    quiet_times(effective.settings.alerts)  # the same
    chosen_kinds(effective.settings.mqtt)  # the same
    views = [
        SettingView(
            section=section,
            key=key,
            value=NOT_SHOWN if value and (section, key) in SECRETS else value,
            source=effective.sources.get((section, key), "default"),
        )
        for section in effective.settings.__struct_fields__
        for key, value in msgspec.structs.asdict(getattr(effective.settings, section)).items()
    ]
    output.table(
        views,
        {
            "setting": lambda view: f"[{view.section}] {view.key}",
            "value": lambda view: msgspec.json.encode(view.value).decode(),
            "from": lambda view: view.source,
        },
        empty="",
    )
