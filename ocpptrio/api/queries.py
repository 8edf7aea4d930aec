"""Parameters of a query: one that a route does not know is an error.

A filter with a typo would be no filter at all, and show everything. Not here: what their values
may be (the routes' own signatures say).
"""

from collections.abc import Iterator
from functools import cache
from http import HTTPStatus

from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.utils.signature import ParsedSignature

from ocpptrio.api.given import AnyRequest
from ocpptrio.api.problems import FieldError, Problem


def check(request: AnyRequest) -> None:
    """Refuse what the route does not know.

    Raises:
        Problem: 400.
    """
    sent = request.query_params
    if not sent:
        return
    known = _known(request.route_handler)
    if unknown := sorted(set(sent) - set(known)):
        one_of = f"; known: {', '.join(known)}" if known else ""
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"There is no parameter {', '.join(unknown)} here{one_of}.",
            errors=tuple(FieldError(name, "unknown parameter") for name in unknown),
        )


@cache
def _known(handler: HTTPRouteHandler) -> tuple[str, ...]:
    """The route's own, and those of what it depends on."""
    provided = handler.resolve_dependencies()

    def names(signature: ParsedSignature) -> Iterator[str]:
        for name, parameter in signature.parameters.items():
            if name in provided:
                yield from names(provided[name].parsed_fn_signature)
            elif isinstance(parameter.kwarg_definition, QueryParameter):
                yield parameter.kwarg_definition.name or name

    return tuple(names(handler.parsed_fn_signature))
