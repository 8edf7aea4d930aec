"""Central system for OCPP 1.6J on Trio: a daemon, a library and a simulator.

The names here are the public promise. The messages live in `ocpptrio.protocol` by feature profile
(`from ocpptrio.protocol.core import Reset, ResetType`), the exceptions in `ocpptrio.errors`, what
can happen to a charge point in `ocpptrio.events`.
"""

from ocpptrio.central_system import CentralSystem, ChargePoint
from ocpptrio.config import Settings, load
from ocpptrio.connection import Connection, Transport
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.protocol.actions import Role
from ocpptrio.protocol.conversation import Conversation
from ocpptrio.services.incoming import Handler, Incoming
from ocpptrio.session.state import SessionState

__version__ = "0.1.0"

__all__ = [
    "CentralSystem",
    "ChargePoint",
    "Connection",
    "Conversation",
    "Handler",
    "Incoming",
    "Role",
    "SessionState",
    "Settings",
    "Transport",
    "load",
    "memory_transport_pair",
]
