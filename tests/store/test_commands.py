"""How far each command has come: once, forward, and with an event for each step."""

import itertools

import pytest

from ocpptrio.errors import KeyInUse, LocalProtocolError, TooLate, TooManyCalls, UnknownCommand
from ocpptrio.events import CommandChanged, NumberedEvent
from ocpptrio.protocol.core import (
    ChangeConfiguration,
    ClearCache,
    Heartbeat,
    Reset,
    ResetType,
    UnlockConnector,
)
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.store import commands
from ocpptrio.store.driver import Store
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState, EffectState

SOFT = Reset(type=ResetType.SOFT)
SECRET = ChangeConfiguration(key="AuthorizationKey", value="0001020304050607FFFFFFFFFFFFFFFF")


async def queue(
    store: Store,
    request: Request[Message] = SOFT,
    *,
    charge_point_id: str = "CP1",
    expires_at_us: int = 100,
    key: str | None = None,
) -> int:
    draft = commands.draft(request)
    return await store.write(
        lambda db: commands.queue(
            db,
            draft,
            charge_point_id=charge_point_id,
            at_us=1,
            expires_at_us=expires_at_us,
            idempotency_key=key,
        )
    )


async def get(store: Store, command_id: int) -> CommandRecord:
    found = await store.read(lambda reader: commands.get(reader, command_id))
    assert found is not None
    return found


async def settle(store: Store, command_id: int, state: CommandState) -> bool:
    return await store.write(
        lambda db: commands.settle(db, command_id, state=state, at_us=5, status="Accepted")
    )


async def test_a_command_is_queued_claimed_and_settled(
    store: Store, published: list[NumberedEvent]
) -> None:
    command_id = await queue(store)
    record = await get(store, command_id)
    assert (record.action, record.request) == ("Reset", '{"type":"Soft"}')
    assert (record.state, record.expires_at_us, record.settled) == ("queued", 100, False)
    assert await store.write(lambda db: commands.claim(db, command_id, 3))
    assert (await get(store, command_id)).sent_at_us == 3
    await store.write(
        lambda db: commands.settle(
            db,
            command_id,
            state=CommandState.ANSWERED,
            at_us=4,
            response='{"status":"Accepted"}',
            status="Accepted",
            effect=EffectState.AWAITED,
            effect_due_at_us=50,
        )
    )
    assert [one.command_id for one in await store.read(commands.awaited)] == [command_id]
    assert await store.write(
        lambda db: commands.set_effect(
            db, command_id, EffectState.SEEN, at_us=9, detail="booted", transaction_id=None
        )
    )
    record = await get(store, command_id)
    assert (record.settled_at_us, record.effect, record.effect_at_us) == (4, "seen", 9)
    told = [one.event for one in published if isinstance(one.event, CommandChanged)]
    assert [(event.state, event.effect, event.failed) for event in told] == [
        ("queued", "none", False),
        ("sent", "none", False),
        ("answered", "awaited", False),
        ("answered", "seen", False),
    ]


async def test_a_command_is_claimed_once_and_not_after_its_time(store: Store) -> None:
    first, second = await queue(store), await queue(store)
    assert await store.write(lambda db: commands.claim(db, first, 99))
    assert not await store.write(lambda db: commands.claim(db, first, 99))
    assert not await store.write(lambda db: commands.claim(db, second, 100))


async def test_states_move_forward_only(store: Store) -> None:
    for before, after in itertools.product(commands.COMES_AFTER, repeat=2):
        command_id = await queue(store)
        await store.write(lambda db, one=command_id: commands.claim(db, one, 3))  # type: ignore[misc]
        if before is not CommandState.SENT and not await settle(store, command_id, before):
            continue
        moved = await settle(store, command_id, after) if after is not CommandState.SENT else False
        assert moved == (before in commands.COMES_AFTER[after] and after is not CommandState.SENT)
        assert (await get(store, command_id)).state == (after if moved else before)


async def test_an_answer_after_the_time_out_counts_but_not_a_time_out_after_the_answer(
    store: Store,
) -> None:
    command_id = await queue(store)
    await store.write(lambda db: commands.claim(db, command_id, 2))
    assert await settle(store, command_id, CommandState.TIMED_OUT)
    assert (await get(store, command_id)).failed
    assert await settle(store, command_id, CommandState.ANSWERED)
    assert not (await get(store, command_id)).failed
    assert not await settle(store, command_id, CommandState.TIMED_OUT)


async def test_a_queued_command_can_be_cancelled_and_no_other(store: Store) -> None:
    command_id = await queue(store, SECRET)
    record = await store.write(lambda db: commands.cancel(db, command_id, 2))
    assert (record.state, record.secret_request) == ("cancelled", None)
    with pytest.raises(TooLate, match=f"command {command_id} is cancelled"):
        await store.write(lambda db: commands.cancel(db, command_id, 3))
    with pytest.raises(UnknownCommand, match="no command 99"):
        await store.write(lambda db: commands.cancel(db, 99, 3))
    assert not await store.write(lambda db: commands.claim(db, command_id, 3))


async def test_what_waits_for_too_long_expires(store: Store) -> None:
    early, late = await queue(store, expires_at_us=10), await queue(store, expires_at_us=20)
    assert await store.read(commands.next_expiry_us) == 10
    assert await store.write(lambda db: commands.expire(db, 10)) == 1
    assert [(await get(store, one)).state for one in (early, late)] == ["expired", "queued"]
    assert await store.read(commands.next_expiry_us) == 20
    await store.write(lambda db: commands.claim(db, late, 11))
    assert await store.read(commands.next_expiry_us) is None
    assert await store.write(lambda db: commands.expire(db, 30)) == 0


async def test_a_key_gives_the_same_command_again_and_no_other(store: Store) -> None:
    first = await queue(store, key="k")
    assert await queue(store, key="k") == first
    assert await queue(store, key="k", charge_point_id="CP2") != first
    assert await queue(store, key="other") != first
    with pytest.raises(KeyInUse, match=rf"'k' stands for command {first} \(Reset\) to CP1"):
        await queue(store, Reset(type=ResetType.HARD), key="k")
    await store.write(lambda db: commands.cancel(db, first, 2))
    assert await queue(store, key="k") == first
    secret = await queue(store, SECRET, key="s")
    assert await queue(store, SECRET, key="s") == secret
    with pytest.raises(KeyInUse):
        await queue(store, ChangeConfiguration(key="AuthorizationKey", value="other"), key="s")


async def test_a_secret_is_kept_while_it_is_needed_and_erased_then(store: Store) -> None:
    command_id = await queue(store, SECRET)
    record = await get(store, command_id)
    assert SECRET.value not in record.request
    assert record.secret_request is not None
    assert SECRET.value in record.secret_request
    await store.write(lambda db: commands.claim(db, command_id, 2))
    assert SECRET.value not in str(await get(store, command_id))
    expired = await queue(store, SECRET, expires_at_us=5)
    await store.write(lambda db: commands.expire(db, 5))
    assert SECRET.value not in str(await get(store, expired))


async def test_the_queue_of_a_charge_point_is_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "QUEUE_LENGTH", 2)
    first, _ = await queue(store), await queue(store)
    with pytest.raises(TooManyCalls, match="2 commands wait for CP1 already"):
        await queue(store)
    await queue(store, charge_point_id="CP2")
    await store.write(lambda db: commands.cancel(db, first, 2))
    await queue(store)


async def test_lists_are_newest_first_and_queues_oldest_first(store: Store) -> None:
    ids = [await queue(store, charge_point_id=name) for name in ("CP1", "CP2", "CP1")]
    of = await store.read(lambda reader: commands.of(reader, "CP1"))
    assert [record.command_id for record in of] == [ids[2], ids[0]]
    listed = await store.read(lambda reader: commands.listed(reader, limit=2))
    assert [record.command_id for record in listed] == [ids[2], ids[1]]
    queued = await store.read(lambda reader: commands.queued_of(reader, "CP1"))
    assert [record.command_id for record in queued] == [ids[0], ids[2]]
    await store.write(lambda db: commands.claim(db, ids[0], 2))
    queued = await store.read(lambda reader: commands.queued_of(reader, "CP1"))
    assert [record.command_id for record in queued] == [ids[2]]
    sent = await store.read(lambda reader: commands.listed(reader, state=CommandState.SENT))
    assert [record.command_id for record in sent] == [ids[0]]


def test_only_what_a_central_system_may_send_can_be_stored() -> None:
    with pytest.raises(LocalProtocolError, match="does not send Heartbeat"):
        commands.draft(Heartbeat())
    with pytest.raises(LocalProtocolError, match="this UnlockConnector cannot be sent"):
        commands.draft(UnlockConnector(connector_id=0))
    assert commands.draft(ClearCache()).secret_request is None
