"""Under which topics events and states are published by MQTT. See docs/mqtt.md.

    ocpptrio/online                        false: nothing else is up to date
    ocpptrio/CP1/connected
    ocpptrio/CP1/connectors/1/status
    ocpptrio/CP1/events/StatusChanged
    ocpptrio/events/WebhookChanged         of none of the charge points

Not here: when (mqtt).
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from ocpptrio.config import MqttSettings
from ocpptrio.errors import ConfigError
from ocpptrio.events import misnamed
from ocpptrio.session.state import SessionState

# Wildcards and what divides levels (MQTT 3.1.1, 4.7), and what they are written with instead.
_SPECIAL: Final = "+#/%"

TRUE: Final = b"true"
FALSE: Final = b"false"


def chosen_kinds(settings: MqttSettings) -> frozenset[str]:
    """The kinds of events to publish; none: all.

    Raises:
        ConfigError: there is no such kind.
    """
    if wrong := misnamed(settings.kinds):
        raise ConfigError(f"[mqtt] kinds: {wrong}")
    return frozenset(settings.kinds)


class Topics:
    """Args:
    prefix: with which all begin.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.online = f"{prefix}/online"

    def event(self, charge_point_id: str, kind: str) -> str:
        return f"{self.charge_point(charge_point_id)}/events/{kind}"

    def charge_point(self, charge_point_id: str) -> str:
        """The level that all topics of a charge point are below; of none: the prefix itself."""
        return f"{self.prefix}/{level(charge_point_id)}" if charge_point_id else self.prefix

    def connected(self, charge_point_id: str) -> str:
        return f"{self.charge_point(charge_point_id)}/connected"

    def status(self, charge_point_id: str, connector_id: int) -> str:
        return f"{self.charge_point(charge_point_id)}/connectors/{connector_id}/status"

    def states(self, state: SessionState) -> Mapping[str, bytes]:
        """What is now, by topic."""
        identity = state.charge_point_id
        return {self.connected(identity): TRUE if state.connected else FALSE} | {
            self.status(identity, connector_id): connector.status.encode()
            for connector_id, connector in state.connectors.items()
        }


def level(text: str) -> str:
    """The text as one level of a topic; percent-decoding gives it back.

    Brokers hang up on control characters and on those that are none (MQTT 3.1.1, 1.5.3).
    """
    return "".join(
        quote(character, safe="")
        if character in _SPECIAL or not character.isprintable()
        else character
        for character in text
    )
