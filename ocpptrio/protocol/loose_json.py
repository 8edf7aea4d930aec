"""JSON as some charge points write it, for what the strict reader has refused.

A StopTransaction that bounces comes again for ever and holds up all that follow, so a stray byte in
a tag must not make a message unreadable. Mended are: control characters and halves of surrogate
pairs inside text, backslashes that escape nothing, a byte order mark, trailing NULs, NaN, and
numbers too large to be one. What lacks a quote, a comma or a bracket stays broken.

Not here: which messages get this second reading (frames, tolerance).
"""

import json
import math
import re
from typing import Any, Final

# Digits of a number that may still be an integer of 64 bits; converting a million of them takes
# seconds, and Python refuses above a few thousand.
_DIGITS: Final = 20

_ESCAPE: Final = re.compile(
    r"""
      \\u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}
    | (?P<half_pair> \\u[dD][89a-fA-F][0-9a-fA-F]{2} | [\ud800-\udfff])
    | \\u[0-9a-fA-F]{4}
    | \\["\\/bfnrt]
    | (?P<stray_backslash> \\)
    """,
    re.VERBOSE,
)


class Number(str):
    """The text of a number that is too large to be taken as one, or is none at all (NaN)."""

    __slots__ = ()


def strip(text: str) -> str:
    """The text without what is not part of the JSON: white space, byte order mark, NULs."""
    return text.strip("\ufeff\0 \t\r\n")


def loads(text: str) -> Any:  # Any: JSON of any shape
    """The value of a JSON text, mended where that is possible.

    Raises:
        ValueError: it is not JSON even so, or nested too deeply.
    """
    try:
        return _decoder.decode(_ESCAPE.sub(_mended, strip(text)))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dumps(value: object) -> str:
    """The value as compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _mended(escape: re.Match[str]) -> str:
    if escape["half_pair"]:
        return "\\ufffd"
    if escape["stray_backslash"]:
        return "\\\\"
    return escape[0]


def _integer(text: str) -> int | Number:
    return int(text) if len(text) <= _DIGITS else Number(text)


def _float(text: str) -> float | Number:
    number = float(text)
    return number if math.isfinite(number) else Number(text)


_decoder: Final = json.JSONDecoder(
    strict=False, parse_int=_integer, parse_float=_float, parse_constant=Number
)
