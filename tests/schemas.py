"""The official JSON schemas, as PyPI `ocpp` ships them: `Reset`, `ResetResponse` and so on.

Not here: how our structs compare with them (protocol/test_schemas).
"""

import json
import re
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import jsonschema

Json = Any  # JSON of any shape
Schema = dict[str, Any]  # Any: JSON of any shape


@cache
def schema_of(name: str) -> Schema:
    """A schema with its references resolved."""
    text = (resources.files("ocpp") / "v16" / "schemas" / f"{name}.json").read_text("utf-8-sig")
    # Decimal: in binary floating point 8.1 is no multiple of 0.1.
    whole: Schema = json.loads(text, parse_float=Decimal)
    resolved: Schema = _resolve(whole, whole.pop("definitions", {}))
    resolved.setdefault("properties", {})
    return resolved


def _resolve(schema: Json, definitions: Schema) -> Json:
    match schema:
        case {"$ref": reference}:
            return _resolve(definitions[reference.rpartition("/")[2]], definitions)
        case dict():
            return {key: _resolve(value, definitions) for key, value in schema.items()}
        case list():
            return [_resolve(value, definitions) for value in schema]
    return schema


@cache
def validator(name: str) -> Any:  # Any: jsonschema has no types
    """As most users of the schemas have it: without a look at formats."""
    return jsonschema.validators.validator_for(schema_of(name))(schema_of(name))


# The strictest reading of what a central system sends: `date-time` in the one form that no charge
# point is known to refuse, whole seconds of UTC.
_FORMATS = jsonschema.FormatChecker(formats=())
_FORMATS.checks("date-time")(
    lambda text: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text) is not None
)
_FORMATS.checks("uri")(lambda text: re.fullmatch(r"[a-z]+://[!-~]+", text) is not None)


@cache
def _strict_validator(name: str) -> Any:  # Any: jsonschema has no types
    return jsonschema.validators.validator_for(schema_of(name))(
        schema_of(name), format_checker=_FORMATS
    )


def check(name: str, payload: Json) -> None:
    """Fail unless a decoded payload keeps to its schema, formats included."""
    exact = json.loads(json.dumps(payload), parse_float=Decimal)
    _strict_validator(name).validate(exact)
