"""Who may charge: list, cache or central system, online and offline."""

from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.protocol import core
from ocpptrio.protocol.core import ChargePointErrorCode
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.protocol.local_auth_list import (
    AuthorizationData,
    GetLocalListVersion,
    SendLocalList,
    UpdateStatus,
    UpdateType,
)
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.local_auth_list import CACHE_SIZE, AuthorizationCache
from tests.simulator.fake_central import ACCEPTED, START, FakeCentral

Sides = tuple[FakeCentral, SimulatedChargePoint]
BLOCKED = IdTagInfo(status=AuthorizationStatus.BLOCKED)


def entry(id_tag: str, info: IdTagInfo | None = ACCEPTED) -> AuthorizationData:
    return AuthorizationData(id_tag=id_tag, id_tag_info=info)


async def send_list(
    central: FakeCentral,
    version: int,
    *entries: AuthorizationData,
    kind: UpdateType = UpdateType.FULL,
) -> UpdateStatus:
    answer = await central.call(
        SendLocalList(
            list_version=version, update_type=kind, local_authorization_list=entries or None
        )
    )
    return answer.status


async def version_of(central: FakeCentral) -> int:
    return (await central.call(GetLocalListVersion())).list_version


async def go_offline(central: FakeCentral) -> None:
    central.refuse_connections = True
    central.hang_up()
    await trio.sleep(1)


async def may_start(charge_point: SimulatedChargePoint, id_tag: str) -> bool:
    """Present a card at connector 1, and take it all back."""
    await charge_point.plug_in(1)
    started = await charge_point.present(id_tag, 1)
    await charge_point.unplug(1)
    return started


# The list itself.


async def test_a_full_list_replaces_a_differential_one_changes(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    local = charge_point.authorizer.local_list
    assert await version_of(central) == 0
    assert await send_list(central, 3, entry("A"), entry("B")) is UpdateStatus.ACCEPTED
    assert await version_of(central) == 3
    differential = UpdateType.DIFFERENTIAL
    assert (
        await send_list(central, 4, entry("a", BLOCKED), entry("B", None), kind=differential)
        is UpdateStatus.ACCEPTED
    )
    assert local.get("A") == BLOCKED
    assert local.get("B") is None
    assert await send_list(central, 4, entry("C"), kind=differential) is (
        UpdateStatus.VERSION_MISMATCH
    )
    assert await send_list(central, 2, entry("C")) is UpdateStatus.ACCEPTED
    assert (local.get("A"), await version_of(central)) == (None, 2)
    assert await send_list(central, 7) is UpdateStatus.ACCEPTED
    assert (len(local), await version_of(central)) == (0, 0)


async def test_a_list_that_is_wrong_or_too_long_changes_nothing(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await send_list(central, 1, entry("A"))
    failed = UpdateStatus.FAILED
    assert await send_list(central, 2, entry("B", None)) is failed
    assert await send_list(central, 2, entry("B"), entry("b")) is failed
    assert await send_list(central, 2, *(entry(f"T{n}") for n in range(101))) is failed
    charge_point.configuration.set("LocalAuthListMaxLength", "2")
    assert await send_list(central, 2, *(entry(f"T{n}") for n in range(3))) is failed
    assert (len(charge_point.authorizer.local_list), await version_of(central)) == (1, 1)


async def test_a_list_that_is_switched_off_is_not_supported(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    charge_point.configuration.set("LocalAuthListEnabled", "false")
    assert await send_list(central, 1, entry("A")) is UpdateStatus.NOT_SUPPORTED
    assert await version_of(central) == -1


# What they are used for.


async def test_online_the_central_system_is_asked_even_about_known_cards(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await send_list(central, 1, entry("A"))
    assert await may_start(charge_point, "A")
    assert await may_start(charge_point, "B")
    assert await may_start(charge_point, "B")
    assert [each.id_tag for each in central.all(core.Authorize)] == ["A", "B", "B"]


async def test_local_pre_authorize_saves_the_question(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    charge_point.configuration.set("LocalPreAuthorize", "true")
    await send_list(central, 1, entry("LISTED"), entry("BLOCKED", BLOCKED))
    assert await may_start(charge_point, "listed")
    assert not central.all(core.Authorize)
    assert await may_start(charge_point, "CACHED")
    assert await may_start(charge_point, "CACHED")
    assert len(central.all(core.Authorize)) == 1
    assert await may_start(charge_point, "BLOCKED")  # asked, and the answer is yes
    assert len(central.all(core.Authorize)) == 2


async def test_an_entry_expires(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    charge_point.configuration.set("LocalPreAuthorize", "true")
    info = IdTagInfo(status=AuthorizationStatus.ACCEPTED, expiry_date=START + timedelta(seconds=60))
    await send_list(central, 1, entry("A", info))
    assert await may_start(charge_point, "A")
    await trio.sleep(60)
    await may_start(charge_point, "A")
    assert len(central.all(core.Authorize)) == 1


async def test_offline_known_cards_may_start(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await send_list(central, 1, entry("LISTED"), entry("BLOCKED", BLOCKED))
    await may_start(charge_point, "CACHED")
    await go_offline(central)
    for id_tag, expected in (
        ("LISTED", True),
        ("CACHED", True),
        ("BLOCKED", False),
        ("UNKNOWN", False),
    ):
        assert await may_start(charge_point, id_tag) is expected, id_tag
    charge_point.configuration.set("LocalAuthorizeOffline", "false")
    assert not await may_start(charge_point, "LISTED")


async def test_offline_unknown_cards_may_start_if_so_configured_blocked_ones_not(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await send_list(central, 1, entry("BLOCKED", BLOCKED))
    charge_point.configuration.set("AllowOfflineTxForUnknownId", "true")
    await go_offline(central)
    assert await may_start(charge_point, "UNKNOWN")
    assert not await may_start(charge_point, "BLOCKED")


async def test_no_answer_is_as_good_as_offline(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await send_list(central, 1, entry("LISTED"))
    central.script[core.Authorize] = lambda _request: None
    assert await may_start(charge_point, "LISTED")
    assert not await may_start(charge_point, "UNKNOWN")
    assert trio.current_time() == pytest.approx(61, abs=1)


async def test_what_a_start_is_answered_with_goes_into_the_cache(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    verdicts = iter([AuthorizationStatus.BLOCKED, AuthorizationStatus.CONCURRENT_TX])
    central.script[core.StartTransaction] = lambda _request: central.started(next(verdicts))
    for id_tag, known in ("A", AuthorizationStatus.BLOCKED), ("B", AuthorizationStatus.ACCEPTED):
        await charge_point.plug_in(1)
        await charge_point.present(id_tag, 1)
        await trio.sleep(1)
        await charge_point.unplug(1)
        info = charge_point.authorizer.cache.get(id_tag)
        assert info is not None
        assert info.status is known


async def test_a_list_that_the_central_system_contradicts_is_reported(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await send_list(central, 1, entry("A"))
    central.script[core.Authorize] = lambda _request: core.AuthorizeResponse(id_tag_info=BLOCKED)
    assert not await may_start(charge_point, "A")
    await trio.sleep(1)
    conflicts = [
        each.connector_id
        for each in central.all(core.StatusNotification)
        if each.error_code is ChargePointErrorCode.LOCAL_LIST_CONFLICT
    ]
    assert conflicts == [0]


def test_the_cache_forgets_whom_it_has_not_heard_of_for_longest() -> None:
    cache = AuthorizationCache()
    for number in range(CACHE_SIZE):
        cache.learn(f"T{number}", ACCEPTED)
    cache.learn("T0", ACCEPTED)
    cache.learn("NEW", ACCEPTED)
    assert len(cache) == CACHE_SIZE
    assert cache.get("t0") == ACCEPTED
    assert cache.get("T1") is None


async def test_a_card_that_charges_elsewhere_contradicts_no_list(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await send_list(central, 1, entry("A")) is UpdateStatus.ACCEPTED
    concurrent = AuthorizationStatus.CONCURRENT_TX
    central.script[core.StartTransaction] = lambda _: central.started(concurrent)
    await charge_point.plug_in(1)
    assert await charge_point.present("A", 1)
    await central.wait(core.StopTransaction)
    await trio.sleep(1)
    errors = {each.error_code for each in central.all(core.StatusNotification)}
    assert errors == {ChargePointErrorCode.NO_ERROR}


async def test_a_list_that_is_switched_off_keeps_nothing_from_the_cache(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await send_list(central, 1, entry("A", BLOCKED)) is UpdateStatus.ACCEPTED
    charge_point.configuration.set("LocalAuthListEnabled", "false")
    assert await charge_point.present("A", 1)
    await go_offline(central)
    assert await charge_point.present("A", 2)
    assert {each.error_code for each in central.all(core.StatusNotification)} == {
        ChargePointErrorCode.NO_ERROR
    }


async def test_a_cache_that_is_switched_off_learns_nothing(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    charge_point.configuration.set("AuthorizationCacheEnabled", "false")
    assert await charge_point.present("A", 1)
    charge_point.configuration.set("AuthorizationCacheEnabled", "true")
    await go_offline(central)
    assert not await charge_point.present("A", 2)


async def test_a_card_that_no_message_can_carry_is_refused(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert not await charge_point.present("A" * 21, 1)
    assert not central.all(core.Authorize)
