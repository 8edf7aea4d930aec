"""How a receiver can tell that what it gets comes from us, and is not an old message again.

    Ocpptrio-Signature: t=1795348800,v1=5257a869e7ec...

`t` is the time of sending, in seconds since 1970; `v1` is the HMAC-SHA256, in hexadecimal, of the
text of `t`, a dot and the body, with the secret as the key.
"""

import hashlib
import hmac
import secrets
from typing import Final

HEADER: Final = "Ocpptrio-Signature"


def sign(secret: str, body: bytes, at_us: int) -> str:
    """The value of HEADER."""
    time_s = at_us // 1_000_000
    return f"t={time_s},v1={_digest(secret, body, str(time_s))}"


def new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


def _digest(secret: str, body: bytes, time_s: str) -> str:
    return hmac.new(secret.encode(), f"{time_s}.".encode() + body, hashlib.sha256).hexdigest()
