"""Passwords: argon2 in threads, and a cache so that a whole fleet can come back at once.

Of charge points (HTTP Basic of security profile 1, white paper A01) and of people. Not here: who
needs one (services.admission, services.access).
"""

import hashlib
import hmac
import os
import re
from typing import Final

import trio
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# An AuthorizationKey is sent as 32 to 40 hex digits and presented as the 16 to 20 bytes they mean;
# some devices present the digits themselves (Q9). Both are the same secret.
_HEX_KEY: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,20}")
MIN_LENGTH: Final = 8  # characters of a password that an operator sets
MAX_LENGTH: Final = 40  # what any charge point can be told to use


def canonical(secret: bytes) -> bytes:
    """The bytes that a secret means."""
    return bytes.fromhex(secret.decode()) if _HEX_KEY.fullmatch(secret) else secret


class Passwords:
    """Hashes and verifies; one per central system.

    A verification takes tens of milliseconds of a core by design. The last secret that was right is
    kept per owner as a BLAKE2b under a key of this process, next to the hash it was right
    for: whoever sets a new password makes the entry useless without telling us.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._key = os.urandom(32)
        self._verified: dict[str, tuple[str, bytes]] = {}
        self._threads = trio.CapacityLimiter(os.cpu_count() or 1)

    def hash(self, secret: bytes) -> str:
        """The argon2id hash to store; takes tens of milliseconds."""
        return self._hasher.hash(canonical(secret))

    async def hash_in_thread(self, secret: bytes) -> str:
        """As `hash`, while others go on."""
        return await trio.to_thread.run_sync(self.hash, secret, limiter=self._threads)

    async def verify(self, owner: str, stored_hash: str, presented: bytes) -> bool:
        """Whether the secret is the one that was hashed; in constant time.

        Args:
            owner: whose it is: a charge point, or a user.
        """
        secret = canonical(presented)
        digest = hashlib.blake2b(secret, key=self._key, digest_size=32).digest()
        known = self._verified.get(owner)
        if known is not None and known[0] == stored_hash and hmac.compare_digest(known[1], digest):
            return True
        right = await trio.to_thread.run_sync(
            self._verify, stored_hash, secret, limiter=self._threads
        )
        if right:
            self._verified[owner] = (stored_hash, digest)
        return right

    def _verify(self, stored_hash: str, secret: bytes) -> bool:
        try:
            return self._hasher.verify(stored_hash, secret)
        except (VerificationError, InvalidHashError):
            return False
