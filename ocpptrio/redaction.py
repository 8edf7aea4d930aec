"""Takes secrets out of message texts before they are logged or stored.

Secrets are the values of configuration keys that hold credentials, and passwords inside URLs.
"""

import re
from typing import Any, Final

import msgspec

HIDDEN: Final = "***"
SECRET_KEYS: Final = ("authorizationkey", "password", "passwd", "secret")

# The Actions whose requests or responses may carry a secret.
_WITH_KEYS: Final = frozenset({"ChangeConfiguration", "GetConfiguration", "DataTransfer"})
_WITH_URLS: Final = frozenset(
    {"GetDiagnostics", "UpdateFirmware", "GetLog", "SignedUpdateFirmware"}
)
_URL_PASSWORD: Final = re.compile(r"(://[^/@:\s\"]*):[^/@\s\"]+@")


def redact(action: str, text: str) -> str:
    """The frame's text without secrets; the same text if there are none."""
    if action in _WITH_KEYS:
        folded = text.casefold()
        if any(key in folded for key in SECRET_KEYS):
            try:
                return msgspec.json.encode(_without_secrets(msgspec.json.decode(text))).decode()
            except (msgspec.DecodeError, RecursionError):  # or too deep
                return f"{HIDDEN} ({action}, unreadable, might hold a secret)"
    elif action in _WITH_URLS:
        return _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    return text


def redact_json(text: str) -> str:
    """Any JSON without secrets; what is no JSON is hidden if it might hold one."""
    try:
        value = _without_secrets(msgspec.json.decode(text))
    except RecursionError:
        return HIDDEN  # too deep to be searched
    except msgspec.DecodeError:
        folded = text.casefold()
        return HIDDEN if any(key in folded for key in SECRET_KEYS) else text
    return _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", msgspec.json.encode(value).decode())


def is_secret(key: str) -> bool:
    """Whether a configuration key holds a credential."""
    folded = key.casefold()
    return any(word in folded for word in SECRET_KEYS)


def _without_secrets(value: Any) -> Any:  # Any: JSON of any shape
    match value:
        case {"key": str() as key, "value": _} if is_secret(key):
            return value | {"value": HIDDEN}
        case dict():
            return {
                key: HIDDEN if is_secret(key) and isinstance(item, str) else _without_secrets(item)
                for key, item in value.items()
            }
        case list():
            return [_without_secrets(item) for item in value]
        case str() if any(word in value.casefold() for word in SECRET_KEYS) and "{" in value:
            return HIDDEN  # JSON inside the text of a DataTransfer
    return value
