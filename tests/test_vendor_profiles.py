"""Vendor profiles: which one is chosen, what is wrong with one, and what hangs on it."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpptrio.central_system import CentralSystem
from ocpptrio.config import OcppSettings, Settings, StoreSettings, VendorProfileSettings
from ocpptrio.errors import CallTimedOut, ConfigError
from ocpptrio.protocol.core import ClearCache
from ocpptrio.vendor_profiles import ORDINARY, VendorProfile, load_profiles, parse
from tests.test_central_system import plug_in


def test_the_shipped_profiles_are_chosen_by_vendor() -> None:
    profiles = load_profiles()
    assert not profiles.choose("EN+ Technologies", "AC011K", "1").pings
    assert profiles.choose(" wall box chargers ", "PLP1", None).boot_grace_s == 30
    assert profiles.choose("Alfen BV", "NG910", "6.4").hex_id_tags_only
    assert profiles.choose("Teison", "Smart", "1").slow_to_return
    assert profiles.choose("VendorX", "SingleSocket", "1") is ORDINARY
    assert profiles.choose(None, None, None) is ORDINARY
    assert len({profile.name for profile in profiles}) == len(list(profiles))
    assert all(profile.note for profile in profiles)


def test_those_of_the_operator_come_first_in_order_of_their_files(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('[[profile]]\nname = "all Alfen"\nvendor = "Alfen*"\n')
    (tmp_path / "a.toml").write_text(
        '[[profile]]\nname = "old"\nvendor = "Alfen*"\nfirmware = ["5.*", "6.0*"]\n'
    )
    (tmp_path / "notes.txt").write_text("not a profile")
    profiles = load_profiles(str(tmp_path))
    assert profiles.choose("Alfen", "NG910", "6.0.1").name == "old"
    assert profiles.choose("Alfen", "NG910", "6.4").name == "all Alfen"
    assert profiles.choose("ABB", "Terra", "1").name == "ABB"


def test_a_zone_is_a_name_or_an_offset() -> None:
    text = '[[profile]]\nname = "x"\nvendor = "X"\ntime_zone = "+08:00"\n'
    (profile,) = parse(text, "x.toml")
    assert str(profile.zone) == "UTC+08:00"
    (profile,) = parse(text.replace("+08:00", "Europe/Berlin"), "x.toml")
    assert str(profile.zone) == "Europe/Berlin"
    assert VendorProfile(name="x").zone is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = ", "x.toml: not TOML"),
        ("name = 'a'", "x.toml: write each profile below a line [[profile]]"),
        ("[profile]\nname = 'a'", "x.toml: write each profile below a line [[profile]]"),
        (
            "[[profile]]\nname = 'a'\nvendor = 'A'\nping = false",
            "x.toml: profile 1 (a): ping: unknown key; did you mean pings?",
        ),
        (
            "[[profile]]\nname = 'a'\nvendor = 'A'\ncall_timeout_s = 'long'",
            "x.toml: profile 1 (a): call_timeout_s: expected",
        ),
        ("[[profile]]\nvendor = 'A'", "missing required field name"),
        (
            "[[profile]]\nname = 'a'\nvendor = 'A'\ntime_zone = 'Mars/Olympus'",
            "'Mars/Olympus' is no time zone; write Europe/Berlin or +08:00",
        ),
        (
            "[[profile]]\nname = 'a'\nvendor = 'A'\n[[profile]]\nname = 'b'",
            "x.toml: profile 2 (b): fits every charge point",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_key_and_remedy(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml")
    assert complaint in str(caught.value)


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[vendor_profiles\] directory: .*: no such directory"):
        load_profiles(str(tmp_path / "none"))


async def test_the_profile_of_the_last_boot_is_in_force_also_after_a_restart(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    (tmp_path / "slow.toml").write_text(
        '[[profile]]\nname = "slow"\nvendor = "Slow*"\ncall_timeout_s = 120\nboot_grace_s = 50\n'
    )
    settings = Settings(
        ocpp=OcppSettings(enabled=False),
        store=StoreSettings(path=str(tmp_path / "central.db")),
        vendor_profiles=VendorProfileSettings(directory=str(tmp_path)),
    )
    async with (
        CentralSystem(settings, inline_store=True) as central,
        trio.open_nursery() as nursery,
    ):
        wire = plug_in(central, nursery)
        boot = {"chargePointVendor": "Slow Inc", "chargePointModel": "1"}
        await wire.call("BootNotification", boot)
        assert central.registry.session("CP1").vendor_profile.name == "slow"
        began = trio.current_time()
        with pytest.raises(CallTimedOut):
            await central.charge_point("CP1").call(ClearCache())
        assert trio.current_time() - began == 120
        nursery.cancel_scope.cancel()
    async with (
        CentralSystem(settings, inline_store=True) as central,
        trio.open_nursery() as nursery,
    ):
        assert central.registry.session("CP1").vendor_profile.name == "slow"
        wire = plug_in(central, nursery)
        await wait_all_tasks_blocked()
        nursery.start_soon(central.charge_point("CP1").call, ClearCache())
        began = trio.current_time()
        frame = await wire.receive()
        assert frame[2] == "ClearCache"
        assert trio.current_time() - began == 50
        await wire.send(3, frame[1], {"status": "Accepted"})
        nursery.cancel_scope.cancel()
