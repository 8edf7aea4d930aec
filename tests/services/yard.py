"""A central system at noon, with charge points plugged in over memory, and tags."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import trio

from ocpptrio import CentralSystem, Settings
from ocpptrio.clock import trio_clock
from ocpptrio.config import AuthorizationSettings, OcppSettings, StoreSettings, WatchdogSettings
from ocpptrio.events import AnyEvent
from ocpptrio.store import charge_points, events, id_tags, tag_groups, tag_rights
from ocpptrio.store.driver import Db
from ocpptrio.store.records import IdTagRecord, TagGroupRecord, TagRights
from tests.test_central_system import Wire, plug_in

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)  # a Wednesday


class Yard:
    """A central system with charge points plugged in, at noon."""

    def __init__(self, central: CentralSystem, nursery: trio.Nursery) -> None:
        self.central = central
        self._nursery = nursery
        self._wires: dict[str, Wire] = {}
        self._numbers = itertools.count(1)

    def wire(self, identity: str) -> Wire:
        if identity not in self._wires:
            self._wires[identity] = plug_in(self.central, self._nursery, identity)
        return self._wires[identity]

    async def unplug(self, identity: str) -> None:
        """Close the connection; the next message opens another."""
        session = self.central.registry.get(identity)
        assert session is not None
        assert session.connection is not None
        session.connection.close(1000, "unplugged")
        await session.wait_disconnected()
        del self._wires[identity]

    async def call(self, identity: str, action: str, payload: object) -> Any:  # Any: JSON
        """Under an id of its own: the same one again would get its stored answer."""
        wire, unique_id = self.wire(identity), str(next(self._numbers))
        await wire.send(2, unique_id, action, payload)
        kind, answered, response = await wire.receive()
        assert (kind, answered) == (3, unique_id)
        return response

    async def register(self, *identities: str, **fields: Any) -> None:  # Any: columns
        def work(db: Db) -> None:
            for identity in identities:
                charge_points.add(db, charge_point_id=identity, origin="added", at_us=1)
                charge_points.edit(db, identity, 1, **fields)

        await self.central.store.write(work)

    async def tag(self, id_tag: str, rights: TagRights | None = None, **fields: Any) -> None:
        """Any: columns."""

        def work(db: Db) -> None:
            id_tags.put(db, IdTagRecord(id_tag=id_tag, created_at_us=1, **fields))
            if rights is not None:
                tag_rights.put(db, "tag", id_tag.casefold(), rights)

        await self.central.store.write(work)

    async def group(self, parent: str, rights: TagRights | None = None, **fields: Any) -> None:
        """Any: columns."""

        def work(db: Db) -> None:
            tag_groups.put(db, TagGroupRecord(parent_id_tag=parent, created_at_us=1, **fields))
            if rights is not None:
                tag_rights.put(db, "group", parent.casefold(), rights)

        await self.central.store.write(work)

    async def authorize(self, id_tag: str, identity: str = "CP1") -> dict[str, Any]:
        answer = await self.call(identity, "Authorize", {"idTag": id_tag})
        info: dict[str, Any] = answer["idTagInfo"]  # Any: JSON
        return info

    async def start(
        self,
        id_tag: str,
        identity: str = "CP1",
        *,
        connector: int = 1,
        at: datetime = NOON,
        meter_start: int | None = None,
    ) -> tuple[str, int]:
        """Status and id; no two are duplicates unless they name the same meter."""
        request = {
            "connectorId": connector,
            "idTag": id_tag,
            "meterStart": next(self._numbers) if meter_start is None else meter_start,
            "timestamp": at.isoformat(),
        }
        answer = await self.call(identity, "StartTransaction", request)
        return answer["idTagInfo"]["status"], answer["transactionId"]

    async def stop(self, transaction_id: int, id_tag: str, identity: str = "CP1") -> Any:
        request = {
            "transactionId": transaction_id,
            "idTag": id_tag,
            "meterStop": 9999,
            "timestamp": (NOON + timedelta(hours=1)).isoformat(),
        }
        return await self.call(identity, "StopTransaction", request)  # Any: JSON

    async def events(self, kind: type[AnyEvent]) -> list[Any]:  # Any: of that kind
        found = await self.central.store.read(lambda reader: events.since(reader, 0))
        return [one.event for one in found if isinstance(one.event, kind)]


@asynccontextmanager
async def opened(**authorization: Any) -> AsyncIterator[Yard]:  # Any: settings
    settings = Settings(
        watchdog=WatchdogSettings(enabled=False),  # it would hang up on who does not answer
        ocpp=OcppSettings(enabled=False),
        store=StoreSettings(path=":memory:"),
        authorization=msgspec.convert(authorization, AuthorizationSettings),
    )
    central = CentralSystem(settings, clock=trio_clock(NOON), inline_store=True)
    async with central, trio.open_nursery() as nursery:
        yield Yard(central, nursery)
        nursery.cancel_scope.cancel()
