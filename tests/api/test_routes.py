"""Every route of the OpenAPI document asks who is there, and what they may do."""

import re
from typing import Any

from ocpptrio.api import Api
from ocpptrio.api.openapi import document
from ocpptrio.store.vocabulary import Role
from tests.api.conftest import Client


def operations(api: Api) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path under /api/v1 with every parameter filled in, and the operation."""
    return [
        (method.upper(), re.sub(r"\{[^}]*\}", "999999", path), operation)
        for path, methods in document(api.litestar)["paths"].items()
        for method, operation in methods.items()
    ]


async def test_no_route_answers_without_a_right_to_it(
    api: Api, nobody: Client, viewer: Client, operator: Client, admin: Client
) -> None:
    api.close()  # streams would not end
    clients = {None: nobody, Role.VIEWER: viewer, Role.OPERATOR: operator, Role.ADMIN: admin}
    found = operations(api)
    assert len(found) > 10
    for method, path, operation in found:
        needed = operation["x-role"]
        for role, client in clients.items():
            answer = await client.request(method, f"http://127.0.0.1{path}")
            asked = f"{method} {path} as {role}: {answer.status_code}"
            if needed is None:
                assert answer.status_code != 403, asked
            elif role is None:
                assert answer.status_code == 401, asked
            elif role.may(Role(needed)):
                assert answer.status_code not in (401, 403) or "session" in path, asked
            else:
                assert answer.status_code == 403, asked


async def test_only_these_routes_need_no_role(api: Api) -> None:
    free = {
        (method, path) for method, path, operation in operations(api) if not operation["x-role"]
    }
    assert free == {("POST", "/api/v1/session"), ("GET", "/healthz"), ("GET", "/readyz")}


async def test_every_operation_says_what_it_does(api: Api) -> None:
    for method, path, operation in operations(api):
        assert operation["summary"], f"{method} {path}"
        assert len(operation["description"]) > len("Needs the role admin."), f"{method} {path}"


async def test_every_operation_has_a_name_of_its_own(api: Api) -> None:
    names = [operation["operationId"] for _method, _path, operation in operations(api)]
    assert len(names) == len(set(names))


async def test_a_number_in_a_path_may_be_of_any_size(api: Api, admin: Client) -> None:
    asked = 0
    for path, methods in document(api.litestar)["paths"].items():
        for method, operation in methods.items():
            numbers = [
                parameter["name"]
                for parameter in operation.get("parameters", ())
                if parameter["in"] == "path" and parameter["schema"].get("type") == "integer"
            ]
            for number in (2**53, 2**63, 10**30, -1) if numbers else ():
                filled = re.sub(r"\{[^}]*\}", str(number), path)
                answer = await admin.request(method.upper(), f"http://127.0.0.1{filled}", json={})
                assert answer.status_code < 500, f"{method} {filled}: {answer.text}"
                asked += 1
    assert asked > 20
