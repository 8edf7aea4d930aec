"""How a charge point proves who it is: password and security profile (security white paper, A05).

Not here: certificates (security), putting them into a handshake (websocket).
"""

from typing import Final

from ocpptrio.simulator.configuration import Configuration
from ocpptrio.simulator.security import Certificates


class Credentials:
    """What the next connection uses. A security profile that does not work is given up again."""

    def __init__(
        self, configuration: Configuration, certificates: Certificates, password: bytes | None
    ) -> None:
        self._configuration: Final = configuration
        self._certificates: Final = certificates
        self._proven_profile = configuration.number("SecurityProfile")
        self.password = password

    @property
    def security_profile(self) -> int:
        return self._configuration.number("SecurityProfile")

    def may_become(self, profile: int) -> bool:
        """Only upwards, and only with what it takes (A05.FR.02 to 06)."""
        return (
            profile > self.security_profile
            and (profile == 3 or self.password is not None)
            and (profile < 2 or self._certificates.has_central_system_root)
            and (profile < 3 or self._certificates.has_own)
        )

    def set_authorization_key(self, key: str) -> None:
        self.password = bytes.fromhex(key)

    def worked(self) -> None:
        """A connection came about: there is no way back from this profile."""
        self._proven_profile = self.security_profile

    def failed(self) -> None:
        """No connection came about: fall back to the profile that worked."""
        if self.security_profile != self._proven_profile:
            self._configuration.set("SecurityProfile", str(self._proven_profile))
