"""What programs get, as one shape for records from here and resources from an API."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from ocpptrio.cli.output import Failed
from ocpptrio.cli.remote import View
from ocpptrio.clock import to_us
from ocpptrio.presentation import public

T = TypeVar("T", bound=msgspec.Struct)


def as_programs_get_it(record: object) -> View:
    """A record as the API would show it."""
    view: View = msgspec.to_builtins(public(record))
    return view


def time_in(view: Mapping[str, object], name: str) -> datetime | None:
    """The time under that name."""
    text = view[name]
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def record_of(kind: type[T], view: Mapping[str, object]) -> T:
    """The record that the API shows so.

    Raises:
        Failed: it is another one than we know.
    """
    fields: dict[str, object] = {}
    for name in kind.__struct_fields__:
        if name.endswith("_us"):
            when = time_in(view, name.removesuffix("_us"))
            fields[name] = None if when is None else to_us(when)
        else:
            fields[name] = view.get(name)
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise Failed(f"the daemon is of another version: {error}; install the same") from error
