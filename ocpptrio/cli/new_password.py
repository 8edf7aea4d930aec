"""Where a new password comes from, and what the operator does with that of a charge point.

Not here: what does as one (services.charge_point_passwords, services.access).
"""

import sys
from collections.abc import Callable
from getpass import getpass
from typing import Any

from ocpptrio.cli.output import Failed
from ocpptrio.services import access, charge_point_passwords
from ocpptrio.services.charge_point_passwords import NewPassword


def explain(chosen: NewPassword, charge_point_id: str) -> str:
    """What to enter where."""
    key = chosen.authorization_key
    if not chosen.shown:
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


def view(chosen: NewPassword) -> dict[str, object]:
    """What programs get."""
    return {"authorization_key": chosen.authorization_key} if chosen.shown else {}


def prompted(charge_point_id: str) -> NewPassword:
    """Ask for it, twice.

    Raises:
        Failed: nobody is there to ask, or it will not do.
    """
    if not is_terminal():
        raise Failed("no terminal to ask at; use --generate or --password-stdin")
    return NewPassword(_asked(charge_point_id, checked), shown=True)


def of_user(user_name: str, *, stdin: bool) -> str:
    """The password of a person: the first line of standard input, or asked for, twice.

    Raises:
        Failed: nobody is there to ask, or it will not do.
    """
    if stdin:
        return _checked_of_user(sys.stdin.readline().rstrip("\r\n"))
    if not is_terminal():
        raise Failed("no terminal to ask at; use --password-stdin")
    return _asked(user_name, _checked_of_user)


def _asked(whose: str, check: Callable[[str], str]) -> str:
    text = check(getpass(f"New password of {whose}: "))
    if getpass("Once more: ") != text:
        raise Failed("the two differ; nothing was changed")
    return text


def _checked_of_user(text: str) -> str:
    try:
        access.check_password(text)
    except ValueError as error:
        raise Failed(str(error)) from error
    return text


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
        charge_point_passwords.check(text)
    except ValueError as error:
        raise Failed(str(error)) from error
    return text


def check(_type: Any, text: str | None) -> None:  # Any: as cyclopts calls it
    """As `checked`, for an option; raises ValueError."""
    if text is not None:
        charge_point_passwords.check(text)
