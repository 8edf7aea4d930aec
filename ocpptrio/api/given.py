"""What a route is given beside its own parameters: the central system, and who asks."""

from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from ocpptrio.central_system import CentralSystem
from ocpptrio.services.access import Principal

Central = NamedDependency[CentralSystem]
Asker = NamedDependency[Principal]
AnyRequest = Request[Any, Any, Any]  # Any: Litestar's users, tokens and states
