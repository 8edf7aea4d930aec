"""Who gets in, and what they may do there."""

from typing import Any

import pytest
import trio

from ocpptrio.api import Api
from ocpptrio.central_system import CentralSystem
from ocpptrio.services.access import (
    FAILURES_PER_USER,
    LoginRefused,
    TooManyTries,
    first_login_key,
)
from ocpptrio.store import access
from ocpptrio.store.driver import Db
from ocpptrio.store.vocabulary import Role
from tests.api.conftest import Client, client

PASSWORD = "correct horse battery"


async def login_key(central: CentralSystem) -> str:
    key = await central.services.access.first_login_key()
    assert key is not None
    return key


async def test_a_one_time_login_address_lets_in_once(
    central: CentralSystem, nobody: Client
) -> None:
    key = await login_key(central)
    session = await nobody.json("POST", "session", 201, json={"login_key": key})
    assert session["user_name"] == "admin"
    assert session["role"] == "admin"
    assert not session["password_set"]
    assert (await nobody.json("GET", "session"))["csrf_token"] == session["csrf_token"]
    problem = await nobody.json("POST", "session", 401, json={"login_key": key})
    assert "used already" in problem["detail"]


async def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(
    central: CentralSystem, nobody: Client
) -> None:
    answer = await nobody.post("session", json={"login_key": await login_key(central)})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie  # plain HTTP, on this machine


async def test_a_browser_changes_nothing_without_proof_that_our_page_asked(
    central: CentralSystem, nobody: Client
) -> None:
    session = await nobody.json(
        "POST", "session", 201, json={"login_key": await login_key(central)}
    )
    new = {"user_name": "anna", "role": "viewer"}
    problem = await nobody.json("POST", "users", 403, json=new)
    assert "X-CSRF-Token" in problem["detail"]
    await nobody.json("POST", "users", 403, json=new, headers={"X-CSRF-Token": "0" * 64})
    proof = {"X-CSRF-Token": session["csrf_token"]}
    await nobody.json("POST", "users", 201, json=new, headers=proof)


async def test_once_somebody_has_a_password_no_first_login_address_is_made(
    central: CentralSystem, nobody: Client
) -> None:
    session = await nobody.json(
        "POST", "session", 201, json={"login_key": await login_key(central)}
    )
    proof = {"X-CSRF-Token": session["csrf_token"]}
    changed = await nobody.json(
        "PUT", "session/password", json={"new_password": PASSWORD}, headers=proof
    )
    assert changed["password_set"]
    assert await central.services.access.first_login_key() is None
    # The browser that changed it stays in, with a new login; a second change needs the old one.
    proof = {"X-CSRF-Token": changed["csrf_token"]}
    await nobody.json(
        "PUT", "session/password", 401, json={"new_password": PASSWORD + "!"}, headers=proof
    )


async def test_people_log_in_with_name_and_password_and_out_again(
    admin: Client, nobody: Client
) -> None:
    await admin.json(
        "POST", "users", 201, json={"user_name": "Anna", "role": "operator", "password": PASSWORD}
    )
    wrong = {"user_name": "anna", "password": "wrong"}
    problem = await nobody.json("POST", "session", 401, json=wrong)
    unknown = {"user_name": "otto", "password": "wrong"}
    assert problem == await nobody.json("POST", "session", 401, json=unknown)
    session = await nobody.json(
        "POST", "session", 201, json={"user_name": "ANNA", "password": PASSWORD}
    )
    assert session["role"] == "operator"
    await nobody.json("DELETE", "session", 204, headers={"X-CSRF-Token": session["csrf_token"]})
    await nobody.json("GET", "session", 401)


async def test_guessing_a_password_is_slowed_down(admin: Client, nobody: Client) -> None:
    await admin.json(
        "POST", "users", 201, json={"user_name": "anna", "role": "viewer", "password": PASSWORD}
    )
    for _ in range(FAILURES_PER_USER):
        await nobody.json("POST", "session", 401, json={"user_name": "anna", "password": "no"})
    answer = await nobody.post("session", json={"user_name": "anna", "password": PASSWORD})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"


async def test_guessing_many_at_once_is_no_faster(central: CentralSystem, admin: Client) -> None:
    service = central.services.access
    await admin.json(
        "POST", "users", 201, json={"user_name": "anna", "role": "viewer", "password": PASSWORD}
    )
    for _ in range(FAILURES_PER_USER + 1):
        await service.log_in("anna", PASSWORD, "192.0.2.1")  # whoever knows it is not slowed down
    outcomes: list[type] = []

    async def guess(number: int) -> None:
        with pytest.raises((LoginRefused, TooManyTries)) as caught:
            await service.log_in("anna", f"guess {number}", "192.0.2.1")
        outcomes.append(caught.type)

    async with trio.open_nursery() as nursery:
        for number in range(FAILURES_PER_USER + 5):
            nursery.start_soon(guess, number)
    assert outcomes.count(LoginRefused) == FAILURES_PER_USER


async def test_a_disabled_user_is_out_at_once(admin: Client, api: Api) -> None:
    await admin.json(
        "POST", "users", 201, json={"user_name": "anna", "role": "viewer", "password": PASSWORD}
    )
    async with client(api) as anna:
        await anna.json("POST", "session", 201, json={"user_name": "anna", "password": PASSWORD})
        await anna.json("GET", "session")
        await admin.json("PATCH", "users/anna", json={"disabled": True})
        await anna.json("GET", "session", 401)
        await anna.json("POST", "session", 401, json={"user_name": "anna", "password": PASSWORD})


async def test_the_last_admin_stays(central: CentralSystem, admin: Client) -> None:
    await login_key(central)
    for method, options in (
        ("DELETE", {}),
        ("PATCH", {"json": {"disabled": True}}),
        ("PATCH", {"json": {"role": "viewer"}}),
    ):
        problem = await admin.json(method, "users/admin", 409, **options)
        assert "make another one admin first" in problem["detail"]


async def test_two_who_edit_the_same_user_do_not_undo_each_other(admin: Client) -> None:
    created = await admin.post("users", json={"user_name": "anna", "role": "viewer"})
    seen = {"If-Match": created.headers["etag"]}
    await admin.json("PATCH", "users/anna", json={"role": "operator"}, headers=seen)
    await admin.json("PATCH", "users/anna", 412, json={"role": "admin"}, headers=seen)
    assert (await admin.json("GET", "users/anna"))["role"] == "operator"


async def test_a_token_is_shown_once_and_kept_as_a_digest(
    central: CentralSystem, admin: Client, api: Api
) -> None:
    made = await admin.json("POST", "tokens", 201, json={"name": "billing", "role": "viewer"})
    token = made["token"]
    listed = (await admin.json("GET", "tokens"))["items"]
    assert listed[0]["name"] == "billing"
    assert token not in str(listed)
    kept = await central.store.read(lambda reader: reader.rows("SELECT * FROM tokens"))
    assert token not in str(kept)
    async with client(api, token) as billing:
        await billing.json("GET", "attempts")
        await billing.json("GET", "users", 403)
        await admin.json("DELETE", f"tokens/{made['token_id']}", 204)
        await billing.json("GET", "attempts", 401)
    made_it = (await admin.json("GET", "audit"))["items"][-1]
    assert made_it["body"] == '{"name":"billing","role":"viewer"}'  # which is no secret


async def test_a_token_that_expired_is_worth_nothing(
    central: CentralSystem, admin: Client, api: Api
) -> None:
    made = await admin.json(
        "POST", "tokens", 201, json={"name": "t", "role": "viewer", "expires_in_days": 1}
    )

    def age(db: Db) -> None:
        db.run("UPDATE tokens SET expires_at_us = 1 WHERE token_id = ?", [made["token_id"]])

    await central.store.write(age)
    async with client(api, made["token"]) as late:
        await late.json("GET", "attempts", 401)


async def test_what_is_done_is_in_the_audit_log_and_secrets_are_not(admin: Client) -> None:
    await admin.json(
        "POST", "users", 201, json={"user_name": "anna", "role": "viewer", "password": PASSWORD}
    )
    await admin.json("POST", "users", 400, json={"user_name": "anna"})
    await admin.json("GET", "users")
    items = (await admin.json("GET", "audit"))["items"]
    assert [(item["method"], item["path"], item["status"]) for item in items] == [
        ("POST", "/api/v1/users", 400),
        ("POST", "/api/v1/users", 201),
    ]
    assert items[0]["actor"].startswith("token ")
    assert PASSWORD not in str(items)
    assert "anna" in items[1]["body"]


async def test_a_body_that_is_not_said_to_be_json_is_refused(admin: Client) -> None:
    answer = await admin.post(
        "users",
        content=b'{"user_name": "anna", "role": "admin"}',
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user_name": "anna"}, "role"),
        ({"user_name": "a b", "role": "viewer"}, "user_name"),
        ({"user_name": "anna", "role": "boss"}, "role"),
        ({"user_name": "anna", "role": "viewer", "pasword": "x"}, "pasword"),
        ({"user_name": "anna", "role": "viewer", "password": "short"}, "password"),
    ],
)
async def test_bad_input_is_told_with_its_field(
    admin: Client, body: dict[str, Any], field: str
) -> None:
    answer = await admin.post("users", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in answer.text


async def test_lists_come_in_pages(admin: Client) -> None:
    names = [f"user{number}" for number in range(5)]
    for name in names:
        await admin.json("POST", "users", 201, json={"user_name": name, "role": "viewer"})
    seen: list[str] = []
    cursor = None
    while True:
        parameters = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = await admin.json("GET", "users", params=parameters)
        seen += [item["user_name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == names
    await admin.json("GET", "users", 400, params={"cursor": "none of ours"})
    await admin.json("GET", "users", 400, params={"limit": 0})


async def test_a_first_login_address_is_made_for_an_admin_who_can_log_in(
    central: CentralSystem,
) -> None:
    def work(db: Db) -> None:
        access.add_user(db, "viewer", role=Role.VIEWER, at_us=1)
        assert first_login_key(db, 1) is not None
        assert [user.user_name for user in access.users(db)] == ["admin", "viewer"]

    await central.store.write(work)


@pytest.mark.parametrize("length", [2000, 5000])  # with what the audit log keeps, and beyond
async def test_a_body_too_deep_to_be_read_is_refused_and_noted(admin: Client, length: int) -> None:
    headers = {"Content-Type": "application/json"}
    problem = await admin.json("POST", "users", 400, content=b"[" * length, headers=headers)
    assert "too deep" in problem["detail"]
    (entry,) = (await admin.json("GET", "audit"))["items"]
    assert (entry["path"], entry["status"]) == ("/api/v1/users", 400)
    assert len(entry["body"]) < 100


async def test_a_weak_etag_as_proxies_make_it_is_the_same_version(admin: Client) -> None:
    added = await admin.post("users", json={"user_name": "anna", "role": "viewer"})
    seen = {"If-Match": f'"other", W/{added.headers["ETag"]}'}
    await admin.json("PATCH", "users/anna", json={"role": "operator"}, headers=seen)
    await admin.json("PATCH", "users/anna", 412, json={"role": "viewer"}, headers=seen)


async def test_slashes_more_hide_nothing_from_the_audit_log_and_show_no_secret(
    central: CentralSystem, admin: Client, nobody: Client
) -> None:
    await nobody.json("POST", "session/", 401, json={"login_key": "a-key-of-a-login"})
    wanted = "charge-points/CP1/configuration/wanted/AuthorizationKey/"
    await admin.json("PUT", wanted, 404, json={"value": "0001020304050607"})
    entries = (await admin.json("GET", "audit"))["items"]
    assert [entry["body"] for entry in entries] == ["***", "***"]
