"""What a card held to the reader means, or a start from afar (OCPP 1.6, 3.10 and 5.11).

Not here: whether a card is good (authorization), what charging then does (station).
"""

from ocpptrio.protocol.core import Reason
from ocpptrio.protocol.datatypes import AuthorizationStatus, ChargingProfile, id_tag_key
from ocpptrio.simulator.authorization import Ask, Authorizer, same_group
from ocpptrio.simulator.configuration import Configuration
from ocpptrio.simulator.connector import Authorization, Connector
from ocpptrio.simulator.station import Station


class CardReader:
    """One reader for all connectors. `ask` asks the central system, or raises CallFailed."""

    def __init__(
        self, station: Station, authorizer: Authorizer, configuration: Configuration, ask: Ask
    ) -> None:
        self._station = station
        self._authorizer = authorizer
        self._configuration = configuration
        self._ask = ask

    async def present(self, id_tag: str, connector_id: int | None) -> bool:
        """Start, stop or release a cable, whichever it means here; False if it was refused."""
        connector = self._where(id_tag, connector_id)
        if connector is None:
            return False
        if connector.transaction is not None:
            return await self._stop(connector, id_tag)
        if connector.plugged and connector.ev is None:
            # The car was unplugged, the cable stayed locked (OCPP 1.6, 9.1.33).
            self._station.unplug(connector)
            return True
        info = await self._authorizer.authorize(id_tag, self._ask)
        if info.status is not AuthorizationStatus.ACCEPTED:
            return False
        return self._station.authorize(connector, Authorization(id_tag, info.parent_id_tag))

    async def start_remotely(
        self, connector_id: int | None, id_tag: str, profile: ChargingProfile | None
    ) -> None:
        """What an accepted RemoteStartTransaction brings about, if there still is a place then."""
        parent_id_tag = None
        if self._configuration.flag("AuthorizeRemoteTxRequests"):
            info = await self._authorizer.authorize(id_tag, self._ask)
            if info.status is not AuthorizationStatus.ACCEPTED:
                return
            parent_id_tag = info.parent_id_tag
        connector = self.place_for(id_tag, connector_id)
        if connector is not None:
            self._station.authorize(connector, Authorization(id_tag, parent_id_tag, profile))

    def place_for(self, id_tag: str, connector_id: int | None) -> Connector | None:
        """Where this card could start: as asked; else where a car waits before a free place."""
        candidates = [
            connector
            for connector in self._station.connectors
            if connector_id in (None, connector.id)
            and connector.transaction is None
            and connector.authorization is None
            and self._station.usable_by(connector, id_tag, None, or_group=True)
        ]
        return min(candidates, key=lambda each: not each.plugged, default=None)

    def _where(self, id_tag: str, connector_id: int | None) -> Connector | None:
        """The card's own transaction, else a place to start."""
        if connector_id is not None:
            connector = self._station.connector(connector_id)
            if connector.transaction is not None or (connector.plugged and connector.ev is None):
                return connector
            return self.place_for(id_tag, connector_id)
        key = id_tag_key(id_tag)
        for connector in self._station.connectors:
            transaction = connector.transaction
            if transaction is not None and id_tag_key(transaction.id_tag) == key:
                return connector
        return self.place_for(id_tag, None)

    async def _stop(self, connector: Connector, id_tag: str) -> bool:
        """The same card stops without asking, another one of its group after it (3.10)."""
        transaction = connector.transaction
        assert transaction is not None
        if id_tag_key(id_tag) != id_tag_key(transaction.id_tag):
            info = await self._authorizer.authorize(id_tag, self._ask)
            if info.status is not AuthorizationStatus.ACCEPTED or not same_group(
                info.parent_id_tag, transaction.parent_id_tag
            ):
                return False
        if connector.transaction is not transaction:
            return False  # over meanwhile
        self._station.stop(connector, Reason.LOCAL, id_tag)
        return True
