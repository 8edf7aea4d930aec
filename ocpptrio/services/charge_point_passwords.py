"""New passwords of charge points: what does as one, and its form as an AuthorizationKey.

Not here: hashing and verifying (passwords), where an operator types one (cli, api).
"""

import secrets
from typing import Final

import msgspec

from ocpptrio.passwords import MAX_LENGTH, MIN_LENGTH, Passwords, canonical

# An AuthorizationKey is 16 to 20 bytes; the shortest, as it has to be typed now and then.
KEY_BYTES: Final = 16
KEY_LENGTHS: Final = range(16, 21)


class NewPassword(msgspec.Struct, frozen=True):
    """A password to be set; only its hash is kept.

    Attributes:
        shown: the operator is to see it, as it was made here or typed at a prompt.
    """

    text: str
    shown: bool = False

    def hash(self) -> str:
        return Passwords().hash(self.text.encode())

    @property
    def authorization_key(self) -> str | None:
        """Its form in a ChangeConfiguration; None if its length does not allow that."""
        secret = canonical(self.text.encode())
        return secret.hex().upper() if len(secret) in KEY_LENGTHS else None


def generated() -> NewPassword:
    return NewPassword(secrets.token_hex(KEY_BYTES).upper(), shown=True)


def check(text: str) -> None:
    """Raise ValueError if it cannot be a password of a charge point."""
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise ValueError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    # HTTP Basic leaves open how others are encoded, and devices differ.
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a password has ASCII letters, digits, signs and blanks only")
