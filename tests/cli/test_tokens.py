"""`ocpptrio tokens`, on the database here and through the API of a daemon."""

from ocpptrio.clock import parse_time
from ocpptrio.services.access import digest_of
from ocpptrio.store import access
from tests.cli.conftest import Command, There
from tests.cli.test_call import Write


def test_a_token_is_shown_once_and_kept_as_a_digest(ocpptrio: Command, write: Write) -> None:
    made = ocpptrio("tokens", "add", "billing", "--role", "viewer").lines
    assert made[0].startswith("token 1 made, for the role viewer; ")
    token = made[1]
    found = write(lambda db: access.token_of(db, digest_of(token)))
    assert found is not None
    listed = ocpptrio("tokens", "list").out + ocpptrio("tokens", "list", "--json").out
    assert token not in listed
    assert digest_of(token) not in listed
    assert ocpptrio("tokens", "list").lines[1].split()[:5] == [
        *("1", "billing", "viewer", "command", "line"),
    ]
    assert ocpptrio("tokens", "remove", "1").out == "token 1 removed\n"
    assert ocpptrio("tokens", "list").out.startswith("no tokens yet; make one: ")
    assert "no token 1" in ocpptrio("tokens", "remove", "1", status=1).err


def test_a_token_expires_after_its_days(ocpptrio: Command) -> None:
    made = ocpptrio("tokens", "add", "x", "--role", "operator", "--days", "30", "--json").json
    lasts_us = parse_time(made["expires_at"]) - parse_time(made["created_at"])
    assert lasts_us == 30 * 86_400 * 1_000_000
    assert made["token"].startswith("ocpptrio_")


def test_what_is_no_token_is_refused(ocpptrio: Command) -> None:
    assert "1 to 100 characters" in ocpptrio("tokens", "add", "", "--role", "viewer", status=1).err
    assert "--role" in ocpptrio("tokens", "add", "x", status=2).err
    assert "--role" in ocpptrio("tokens", "add", "x", "--role", "root", status=2).err


async def test_through_the_api_it_is_the_same(there: There) -> None:
    made = await there("tokens", "add", "billing", "--role", "viewer", "--days", "30")
    assert made.lines[0].startswith("token 3 made, for the role viewer; ")
    assert await there.central.services.access.by_token(made.lines[1]) is not None
    (newest, *_) = (await there("tokens", "list", "--json")).json
    assert (newest["token_id"], newest["name"], newest["role"]) == (3, "billing", "viewer")
    assert newest["created_by"].startswith("token 2 ")
    assert newest["expires_at"] is not None
    header, first, *_ = (await there("tokens", "list")).lines
    assert header.split()[:4] == ["token", "name", "role", "made"]
    assert first.split()[:3] == ["3", "billing", "viewer"]
    assert (await there("tokens", "remove", "3")).out == "token 3 removed\n"
    assert await there.central.services.access.by_token(made.lines[1]) is None
    assert "there is no token 3" in (await there("tokens", "remove", "3", status=1)).err
