"""Parameters that a route does not know are refused, so that a typo in a filter is seen."""

from ocpptrio.api import Api, queries
from ocpptrio.api.openapi import document
from tests.api.conftest import Client


async def test_an_unknown_parameter_is_refused_and_the_known_ones_are_named(admin: Client) -> None:
    answer = await admin.json("GET", "transactions", 400, params={"charge_point": "CP1"})
    assert answer["detail"].startswith("There is no parameter charge_point here; known: ")
    assert "charge_point_id, " in answer["detail"]
    assert answer["errors"] == [{"field": "charge_point", "reason": "unknown parameter"}]


async def test_where_there_are_no_parameters_none_is_named(admin: Client) -> None:
    answer = await admin.json("GET", "system", 400, params={"b": 1, "a": 2})
    assert answer["detail"] == "There is no parameter a, b here."


async def test_who_has_no_right_learns_nothing_of_parameters(nobody: Client) -> None:
    answer = await nobody.json("GET", "transactions", 401, params={"charge_point": "CP1"})
    assert "known" not in answer["detail"]


async def test_what_is_known_is_what_the_openapi_document_names(api: Api) -> None:
    paths = document(api.litestar)["paths"]
    compared = 0
    for route in api.litestar.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in handler.http_methods:
                operation = paths.get(route.path_format, {}).get(method.lower())
                if operation is None:
                    continue
                described = [
                    p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"
                ]
                assert sorted(queries._known(handler)) == sorted(described)
                compared += bool(described)
    assert compared > 50
