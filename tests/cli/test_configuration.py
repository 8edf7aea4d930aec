"""`ocpptrio configuration`, and `charge-points accept`, `hold` and `reject`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ocpptrio.events import ProvisioningState
from ocpptrio.protocol.core import BootNotification
from ocpptrio.store import charge_points, configuration, events, provisioning
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import AttemptedRecord, ConfigurationRecord
from ocpptrio.store.vocabulary import AttemptOutcome
from tests.cli.conftest import Command

Write = Callable[[Callable[[Db], object]], object]
NOON_US = 1_768_478_400_000_000


def reported(db: Db) -> None:
    """As if a daemon had read it and tried a value in vain."""
    boot = BootNotification(
        charge_point_vendor="Alfen", charge_point_model="NG910", firmware_version="6.4"
    )
    charge_points.booted(db, "CP1", boot, NOON_US)
    for key, value, pending in (
        ("HeartbeatInterval", "300", None),
        ("LightIntensity", "80", "50"),
        ("BlinkRepeat", "3", None),
    ):
        configuration.put(
            db,
            ConfigurationRecord(
                charge_point_id="CP1",
                key_folded=key.casefold(),
                key=key,
                value=value,
                readonly=False,
                reported_at_us=NOON_US,
                pending_value=pending,
            ),
        )
    for key, value, outcome in (
        ("heartbeatinterval", "60", AttemptOutcome.REJECTED),
        ("lightintensity", "50", AttemptOutcome.REBOOT_REQUIRED),
    ):
        provisioning.put_attempt(
            db,
            AttemptedRecord(
                charge_point_id="CP1",
                key_folded=key,
                value=value,
                firmware_version="6.4",
                outcome=outcome,
                attempts=1,
                last_at_us=NOON_US,
            ),
        )
    provisioning.set_state(db, "CP1", ProvisioningState.WAITS_FOR_REBOOT, None, NOON_US)
    for before, after, command_id in (("600", "300", 7), ("2", "3", None)):
        key = "HeartbeatInterval" if command_id else "BlinkRepeat"
        configuration.changed(
            db, "CP1", key, before=before, after=after, at_us=NOON_US, command_id=command_id
        )


@pytest.fixture
def _one(ocpptrio: Command, write: Write) -> None:
    ocpptrio("charge-points", "add", "CP1")
    ocpptrio("groups", "add", "yard", "CP1")
    ocpptrio("configuration", "set", "CP1", "HeartbeatInterval", "60")
    ocpptrio("configuration", "set", "CP1", "LightIntensity", "50")
    ocpptrio("configuration", "set", "--group", "yard", "BlinkRepeat", "3")
    write(reported)


@pytest.mark.usefixtures("_one")
def test_show_puts_wanted_beside_reported(ocpptrio: Command) -> None:
    lines = ocpptrio("configuration", "show", "CP1").lines
    assert [" ".join(line.split()) for line in lines] == [
        "key reported wanted state from remark",
        "BlinkRepeat 3 3 applied yard",
        "HeartbeatInterval 300 60 rejected on this firmware own",
        "LightIntensity 80 50 waits for reboot own 50 after its next boot",
        "",
        "1 of 3 wanted keys applied; waits for reboot",
    ]
    shown = ocpptrio("configuration", "show", "CP1", "--json").json
    assert [(key["key"], key["state"]) for key in shown["keys"]] == [
        ("BlinkRepeat", "applied"),
        ("HeartbeatInterval", "rejected on this firmware"),
        ("LightIntensity", "waits for reboot"),
    ]
    assert shown["provisioning"]["state"] == "waits for reboot"


@pytest.mark.usefixtures("_one")
def test_history_says_who_changed_what(ocpptrio: Command) -> None:
    assert ocpptrio("configuration", "history", "CP1").lines == [
        "when                 key                before  after  by",
        "2026-01-15 12:00:00  HeartbeatInterval  600     300    command 7",
        "2026-01-15 12:00:00  BlinkRepeat        2       3      the charge point",
    ]
    only = ocpptrio("configuration", "history", "CP1", "blinkrepeat", "--json").json
    assert [row["value_after"] for row in only] == ["3"]


@pytest.mark.usefixtures("_one")
def test_unset_takes_one_back(ocpptrio: Command) -> None:
    done = ocpptrio("configuration", "unset", "--group", "yard", "blinkrepeat")
    assert done.lines == ["blinkrepeat is not wanted of 1 charge point in yard any more"]
    assert (
        "nothing is wanted"
        in ocpptrio("configuration", "unset", "CP1", "BlinkRepeat", status=1).err
    )


@pytest.mark.usefixtures("_one")
def test_export_reads_back(ocpptrio: Command, tmp_path: Path) -> None:
    file = tmp_path / "wanted.toml"
    ocpptrio("configuration", "export", str(file))
    text = file.read_text()
    assert '[charge-points."CP1"]\n"HeartbeatInterval" = "60"' in text
    for key in ("HeartbeatInterval", "LightIntensity"):
        ocpptrio("configuration", "unset", "CP1", key)
    assert ocpptrio("configuration", "import", str(file)).lines == ["3 wanted values imported"]
    assert ocpptrio("configuration", "export").out == text


@pytest.mark.usefixtures("_one")
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[charge-points.CP9]\nA = 1", "not registered: CP9; nothing was changed"),
        ("[groups.yard]\nAuthorizationKey = 'x'", "AuthorizationKey is a secret"),
        ("[groups.yard]\nA = 2026-01-01", "[groups.yard] A: write a text, a number"),
        ("[group.yard]\nA = 1", "group: write [charge-points.ID] or [groups.NAME]"),
        ("groups = 1", "groups: write"),
        ("A = ", "not TOML"),
    ],
)
def test_a_wrong_file_changes_nothing(
    ocpptrio: Command, tmp_path: Path, text: str, complaint: str
) -> None:
    before = ocpptrio("configuration", "export").out
    file = tmp_path / "wanted.toml"
    file.write_text(f"{text}\n")
    assert complaint in ocpptrio("configuration", "import", str(file), status=1).err
    assert ocpptrio("configuration", "export").out == before


def test_numbers_booleans_and_lists_become_text(ocpptrio: Command, tmp_path: Path) -> None:
    ocpptrio("charge-points", "add", "CP1")
    file = tmp_path / "wanted.toml"
    file.write_text(
        "[charge-points.CP1]\nA = 60\nB = true\nMeterValuesSampledData = ['SoC', 'Voltage']\n"
    )
    ocpptrio("configuration", "import", str(file))
    assert ocpptrio("configuration", "export").lines[1:] == [
        '"A" = "60"',
        '"B" = "true"',
        '"MeterValuesSampledData" = "SoC,Voltage"',
    ]


def test_mistakes_are_told(ocpptrio: Command) -> None:
    assert (
        "CP1 is not registered" in ocpptrio("configuration", "set", "CP1", "A", "1", status=1).err
    )
    ocpptrio("charge-points", "add", "CP1")
    assert "give ID KEY VALUE" in ocpptrio("configuration", "set", "CP1", "A", status=1).err
    assert (
        "give KEY VALUE"
        in ocpptrio("configuration", "set", "-g", "yard", "CP1", "A", "1", status=1).err
    )
    assert (
        "secret" in ocpptrio("configuration", "set", "CP1", "AuthorizationKey", "00", status=1).err
    )
    assert "not connected" in ocpptrio("configuration", "refresh", "CP1", status=1).err
    assert "nothing is known" in ocpptrio("configuration", "show", "CP1").out
    assert "nothing is wanted of CP1" in ocpptrio("configuration", "show", "CP1", "--wanted").out
    assert "no change" in ocpptrio("configuration", "history", "CP1").out


def kinds(write: Write) -> list[str]:
    def work(reader: Reader) -> list[str]:
        return [numbered.event.kind for numbered in events.latest(reader)]

    found = write(work)
    assert isinstance(found, list)
    return found


def test_a_running_daemon_hears_of_it(ocpptrio: Command, write: Write) -> None:
    ocpptrio("charge-points", "add", "CP1")
    ocpptrio("groups", "add", "yard", "CP1")
    assert "WantedConfigurationChanged" not in kinds(write)
    ocpptrio("configuration", "set", "-g", "yard", "A", "1")
    assert kinds(write).count("WantedConfigurationChanged") == 1
    ocpptrio("charge-points", "add", "CP2")
    ocpptrio("groups", "add", "yard", "CP2")
    assert kinds(write).count("WantedConfigurationChanged") == 2
    ocpptrio("groups", "remove", "yard", "CP2")
    assert kinds(write).count("WantedConfigurationChanged") == 3
    write(lambda db: charge_points.connected(db, "CP1", peer="a", at_us=1))
    ocpptrio("configuration", "refresh", "CP1")
    assert kinds(write)[-1] == "ConfigurationRefreshRequested"


# Registration.


def test_a_charge_point_is_held_accepted_and_rejected(ocpptrio: Command, write: Write) -> None:
    ocpptrio("charge-points", "add", "CP1")
    for command, status in (("hold", "Pending"), ("accept", "Accepted"), ("reject", "Rejected")):
        done = ocpptrio("charge-points", command, "CP1")
        assert done.lines == [f"CP1 is {status} now"]
        shown = ocpptrio("charge-points", "show", "CP1", "--json").json
        assert shown["registration"] == status
        assert not shown["provisioning"]["accept_when_done"]
    held = ocpptrio("charge-points", "hold", "CP1", "--until-configured")
    assert held.out == "CP1 is Pending now, until its wanted configuration is applied\n"
    shown = ocpptrio("charge-points", "show", "CP1", "--json").json
    assert shown["provisioning"]["accept_when_done"]
    assert "CP9 is not registered" in ocpptrio("charge-points", "accept", "CP9", status=1).err


def test_a_new_one_is_held_where_the_settings_say_so(
    ocpptrio: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCPPTRIO_PROVISIONING_HOLD_NEW", "true")
    added = ocpptrio("charge-points", "add", "CP1", "--json").json
    assert added["registration"] == "Pending"
    shown = ocpptrio("charge-points", "show", "CP1", "--json").json
    assert shown["provisioning"]["accept_when_done"]
    ocpptrio("charge-points", "add", "CP2", "--pending")
    shown = ocpptrio("charge-points", "show", "CP2", "--json").json
    assert not shown["provisioning"]["accept_when_done"]  # an operator holds it himself


@pytest.mark.usefixtures("_one")
def test_show_tells_which_vendor_profile_is_in_force(ocpptrio: Command) -> None:
    lines = ocpptrio("charge-points", "show", "CP1").lines
    assert any(line.split(maxsplit=2)[2:] == ["Alfen"] for line in lines if "profile" in line)
    shown = ocpptrio("charge-points", "show", "CP1", "--json").json
    assert shown["vendor_profile"]["hex_id_tags_only"] is True
