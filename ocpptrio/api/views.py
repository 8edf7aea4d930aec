"""Records of the store as the API shows them: a struct per resource, which is the promise.

Fields have the names of the columns; a time `x_at_us` is shown as `x_at`. Not here: the structs,
which stand with their routes.
"""

from typing import Any, TypeVar

import msgspec

from ocpptrio.presentation import public

ViewT = TypeVar("ViewT", bound="View")


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is shown."""


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is sent to us: a field that is unknown is an error, not a surprise."""

    def given(self) -> dict[str, Any]:  # Any: fields of any type
        """The fields that were sent, by name; for structs whose fields default to UNSET."""
        fields = msgspec.structs.asdict(self)
        return {name: value for name, value in fields.items() if value is not msgspec.UNSET}


def shown(view: type[ViewT], record: object, **more: object) -> ViewT:
    """A view of a record, with what is not in the record given beside it."""
    values = public(record) | more
    return view(**{name: values[name] for name in view.__struct_fields__ if name in values})
