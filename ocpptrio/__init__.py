"""Central system for OCPP 1.6J on Trio: a daemon, a library and a simulator.

The names here are the public promise. The messages live in `ocpptrio.protocol` by feature profile
(`from ocpptrio.protocol.core import Reset, ResetType`), the exceptions in `ocpptrio.errors`, what
can happen to a charge point in `ocpptrio.events`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocpptrio.central_system import CentralSystem, ChargePoint
    from ocpptrio.config import Settings
    from ocpptrio.config_sources import load
    from ocpptrio.connection import Connection, Transport
    from ocpptrio.memory_transport import memory_transport_pair
    from ocpptrio.protocol.actions import Role
    from ocpptrio.protocol.conversation import Conversation
    from ocpptrio.protocol.datatypes import IdTagInfo
    from ocpptrio.services.authorizer import Authorizer, Question
    from ocpptrio.services.incoming import Handler, Incoming
    from ocpptrio.session.state import SessionState

__version__ = "0.1.0"

__all__ = [
    "Authorizer",
    "CentralSystem",
    "ChargePoint",
    "Connection",
    "Conversation",
    "Handler",
    "IdTagInfo",
    "Incoming",
    "Question",
    "Role",
    "SessionState",
    "Settings",
    "Transport",
    "load",
    "memory_transport_pair",
]

# Imported when they are first asked for: `ocpptrio --help` needs none of them, and the simulator
# and the protocol not the central system.
_HOME = {
    "Authorizer": "services.authorizer",
    "CentralSystem": "central_system",
    "ChargePoint": "central_system",
    "Connection": "connection",
    "Conversation": "protocol.conversation",
    "Handler": "services.incoming",
    "IdTagInfo": "protocol.datatypes",
    "Incoming": "services.incoming",
    "Question": "services.authorizer",
    "Role": "protocol.actions",
    "SessionState": "session.state",
    "Settings": "config",
    "Transport": "connection",
    "load": "config_sources",
    "memory_transport_pair": "memory_transport",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
