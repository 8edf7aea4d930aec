"""Where the new password of a charge point comes from, and what the operator does with it.

Not here: hashing and verifying (passwords).
"""

import secrets
import sys
from getpass import getpass
from typing import Any, Final

import msgspec

from ocpptrio.cli.output import Failed
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

    def explain(self, charge_point_id: str) -> str:
        """What to enter where."""
        key = self.authorization_key
        if not self.shown:
            return ""
        if key is None:
            return (
                f"\nEnter it at the charge point itself, user name {charge_point_id}: "
                "only one of 16 to 20 characters can be sent as AuthorizationKey."
            )
        return (
            f"\n\n  {key}\n\n"
            "This is its AuthorizationKey (ChangeConfiguration), or enter it at the charge point\n"
            f"as password with the user name {charge_point_id}. It is not shown again."
        )

    def view(self) -> dict[str, object]:
        """What programs get."""
        return {"authorization_key": self.authorization_key} if self.shown else {}


def generated() -> NewPassword:
    return NewPassword(secrets.token_hex(KEY_BYTES).upper(), shown=True)


def prompted(charge_point_id: str) -> NewPassword:
    """Ask for it, twice.

    Raises:
        Failed: nobody is there to ask, or it will not do.
    """
    if not is_terminal():
        raise Failed("no terminal to ask at; use --generate or --password-stdin")
    text = checked(getpass(f"New password of {charge_point_id}: "))
    if getpass("Once more: ") != text:
        raise Failed("the two differ; nothing was changed")
    return NewPassword(text, shown=True)


def is_terminal() -> bool:
    """Whether somebody is there to ask."""
    return sys.stdin.isatty()


def from_stdin() -> NewPassword:
    """The first line of standard input.

    Raises:
        Failed: it will not do.
    """
    return NewPassword(checked(sys.stdin.readline().rstrip("\r\n")))


def checked(text: str) -> str:
    """The text, if it can be a password.

    Raises:
        Failed: it cannot.
    """
    try:
        check(None, text)
    except ValueError as error:
        raise Failed(str(error)) from error
    return text


def check(_type: Any, text: str | None) -> None:  # Any: as cyclopts calls it
    """As `checked`, for an option; raises ValueError."""
    if text is None:
        return
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise ValueError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    # HTTP Basic leaves open how others are encoded, and devices differ.
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a password has ASCII letters, digits, signs and blanks only")
