"""`ocpptrio users`, on the database here and through the API of a daemon."""

import pytest

from ocpptrio.cli import new_password
from ocpptrio.store import access
from tests.cli.conftest import Command, There
from tests.cli.test_call import Write

PASSWORD = "correct horse battery"


def hash_of(write: Write, user: str) -> object:
    record = write(lambda db: access.user(db, user))
    return getattr(record, "password_hash", None)


def test_a_user_without_a_password_gets_an_address_that_logs_in_once(ocpptrio: Command) -> None:
    added = ocpptrio("users", "add", "Anna", "--role", "admin").lines
    assert added[0].startswith("anna added, as admin; logs in once")
    assert added[1].startswith("http://127.0.0.1:8081/login#key=")
    (user,) = ocpptrio("users", "list", "--json").json
    assert (user["user_name"], user["role"], user["password_set"]) == ("anna", "admin", False)
    other = ocpptrio("users", "login-link", "ANNA").out.strip()
    assert other.startswith("http://127.0.0.1:8081/login#key=")
    assert other != added[1]
    assert "there is a user anna already" in (
        ocpptrio("users", "add", "ANNA", "--role", "viewer", status=1).err
    )


def test_the_address_is_the_public_one_where_there_is_one(
    ocpptrio: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCPPTRIO_API_PUBLIC_URL", "https://ocpp.example.com/")
    ocpptrio("users", "add", "anna", "--role", "admin")
    link = ocpptrio("users", "login-link", "anna", "--json").json
    assert link["login_url"].startswith("https://ocpp.example.com/login#key=")
    assert link["expires_at"].endswith("Z")


def test_a_password_comes_from_standard_input(ocpptrio: Command, write: Write) -> None:
    add = ("users", "add", "anna", "--role", "viewer", "--password-stdin")
    assert "10 to 200 characters" in ocpptrio(*add, stdin="short\n", status=1).err
    assert ocpptrio(*add, stdin=PASSWORD + "\n").out == "anna added, as viewer\n"
    stored = hash_of(write, "anna")
    assert str(stored).startswith("$argon2")
    shown = ocpptrio("users", "list", "--json").json
    assert shown[0]["password_set"] is True
    assert "password_hash" not in shown[0]


def test_a_password_is_asked_for_twice(
    ocpptrio: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    ocpptrio("users", "add", "anna", "--role", "viewer")
    set_ = ("users", "set", "anna", "--ask-password")
    assert "no terminal to ask at; use --password-stdin" in ocpptrio(*set_, status=1).err
    monkeypatch.setattr(new_password, "is_terminal", lambda: True)
    typed = iter([PASSWORD, "another", PASSWORD, PASSWORD])
    monkeypatch.setattr(new_password, "getpass", lambda _prompt: next(typed))
    assert "the two differ" in ocpptrio(*set_, status=1).err
    assert hash_of(write, "anna") is None
    assert ocpptrio(*set_).out == "anna changed: viewer, with a new password\n"
    assert hash_of(write, "anna") is not None


def test_users_are_changed_disabled_and_removed(ocpptrio: Command) -> None:
    assert ocpptrio("users", "add", "root", "--role", "admin").lines
    ocpptrio("users", "add", "anna", "--role", "viewer")
    assert ocpptrio("users", "set", "anna", "--role", "operator").out == "anna changed: operator\n"
    assert ocpptrio("users", "set", "anna", "--disable").out == "anna changed: disabled\n"
    assert "disabled" in ocpptrio("users", "list").lines[1]
    assert ocpptrio("users", "set", "anna", "--enable").out == "anna changed: operator\n"
    assert ocpptrio("users", "remove", "ANNA").out == "anna removed\n"
    for command in (["remove"], ["login-link"], ["set", "--enable"]):
        error = ocpptrio("users", command[0], "anna", *command[1:], status=1).err
        assert error == "ocpptrio: no user anna; see: ocpptrio users list\n"


@pytest.mark.parametrize(
    "command", [("set", "--disable"), ("set", "--role", "viewer"), ("remove",)]
)
def test_the_last_admin_stays(ocpptrio: Command, command: tuple[str, ...]) -> None:
    ocpptrio("users", "add", "root", "--role", "admin")
    error = ocpptrio("users", command[0], "root", *command[1:], status=1).err
    assert error == "ocpptrio: root is the only admin; make another one admin first\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("add", "a b", "--role", "viewer"), "a user name has 1 to 64 letters"),
        (("add", "x" * 65, "--role", "viewer"), "a user name has 1 to 64 letters"),
        (("set", "anna"), "give what to change"),
        (("set", "anna", "--enable", "--disable"), "not both"),
        (("set", "anna", "--ask-password", "--password-stdin"), "not both"),
    ],
)
def test_what_makes_no_sense_is_told(
    ocpptrio: Command, arguments: tuple[str, ...], error: str
) -> None:
    assert error in ocpptrio("users", *arguments, status=1).err


async def test_through_the_api_it_is_the_same(there: There) -> None:
    added = (await there("users", "add", "Anna", "--role", "admin")).lines
    assert added[0].startswith("anna added, as admin; logs in once")
    key = added[1].partition("#key=")[2]
    await there.central.services.access.redeem(key, "127.0.0.1")
    set_ = ("users", "set", "anna", "--password-stdin")
    assert "10 to 200 characters" in (await there(*set_, stdin="short\n", status=1)).err
    assert (await there(*set_, stdin=PASSWORD)).out == "anna changed: admin, with a new password\n"
    await there.central.services.access.log_in("anna", PASSWORD, "127.0.0.1")
    error = (await there("users", "set", "anna", "--disable", status=1)).err
    assert error == "ocpptrio: anna is the only admin; make another one admin first\n"
    assert (await there("users", "list")).lines[1].split()[:3] == ["anna", "admin", "set"]
    await there("users", "add", "root", "--role", "admin", "--password-stdin", stdin=PASSWORD)
    link = (await there("users", "login-link", "root", "--json")).json
    assert "#key=" in link["login_url"]
    assert (await there("users", "remove", "anna")).out == "anna removed\n"
    (user,) = (await there("users", "list", "--json")).json
    assert (user["user_name"], user["password_set"]) == ("root", True)
