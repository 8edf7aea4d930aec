"""Names in paths, whatever they hold: an identity or a key may have "/" and "%" in it.

Servers hand the path on decoded, where "a%2Fb" has become two parts. So `apart` writes it anew from
what the client sent, with these two still encoded, and `restore` decodes them once the route is
found. Not here: which names there are (routes).
"""

from typing import Any, Final
from urllib.parse import unquote

from ocpptrio.api.given import AnyRequest

_ENCODED: Final = (b"%2f", b"%2F", b"%25")


def apart(path: str, raw_path: bytes | None) -> str:
    """The path with the parts that the client meant.

    Args:
        path: decoded, without the path that the application is mounted below.
        raw_path: as it was sent, with it; None: the server does not tell.
    """
    if raw_path is None or not any(code in raw_path for code in _ENCODED):
        return path
    sent = raw_path.partition(b"?")[0].decode("ascii", "replace")
    # Some who mount it add a slash at the end.
    above = unquote(sent).rstrip("/").count("/") - path.rstrip("/").count("/")
    parts = ["", *sent.split("/")[1 + above :]]
    return "/".join(unquote(part).replace("%", "%25").replace("/", "%2F") for part in parts)


def restore(request: AnyRequest) -> None:
    """Give the route its names as they are; in place of those that the router found.

    Those are remembered there for the next request: they are replaced, not changed.
    """
    found: dict[str, Any] = request.scope["path_params"]  # Any: some are numbers
    if any(isinstance(value, str) and "%" in value for value in found.values()):
        request.scope["path_params"] = {
            name: value.replace("%2F", "/").replace("%25", "%") if isinstance(value, str) else value
            for name, value in found.items()
        }
