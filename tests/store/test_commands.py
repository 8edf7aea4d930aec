"""What became of each command."""

from ocpptrio.store import commands
from ocpptrio.store.driver import Store
from ocpptrio.store.records import CommandRecord, CommandState


async def _insert(store: Store, charge_point_id: str = "CP1") -> int:
    return await store.write(
        lambda db: commands.insert(
            db, charge_point_id=charge_point_id, action="Reset", request="{}", created_at_us=1
        )
    )


async def test_a_command_waits_until_it_is_settled(store: Store) -> None:
    command_id = await _insert(store)
    waiting = CommandRecord(
        command_id=command_id,
        charge_point_id="CP1",
        action="Reset",
        request="{}",
        state=CommandState.WAITING,
        created_at_us=1,
        settled_at_us=None,
        response=None,
        error=None,
        late=False,
    )
    assert await store.read(lambda reader: commands.get(reader, command_id)) == waiting
    assert await store.read(commands.waiting) == [waiting]
    await store.write(
        lambda db: commands.settle(
            db, command_id, state="timed out", settled_at_us=2, error="no answer in 30 s"
        )
    )
    assert await store.read(commands.waiting) == []
    await store.write(
        lambda db: commands.settle(
            db,
            command_id,
            state=CommandState.ANSWERED,
            settled_at_us=3,
            response='{"status":"Accepted"}',
            late=True,
        )
    )
    found = await store.read(lambda reader: commands.get(reader, command_id))
    assert found is not None
    assert (found.state, found.late, found.error) == (CommandState.ANSWERED, True, None)
    assert (found.settled_at_us, found.response) == (3, '{"status":"Accepted"}')


async def test_the_last_commands_of_a_charge_point_come_newest_first(store: Store) -> None:
    first, _, third = [await _insert(store, name) for name in ("CP1", "CP2", "CP1")]
    found = await store.read(lambda reader: commands.of(reader, "CP1"))
    assert [record.command_id for record in found] == [third, first]
    found = await store.read(lambda reader: commands.of(reader, "CP1", limit=1))
    assert [record.command_id for record in found] == [third]
