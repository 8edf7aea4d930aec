"""Passwords: either spelling of a key is the same secret, and the cache never outlives a hash."""

import pytest

from ocpptrio.passwords import Passwords, canonical

KEY = bytes.fromhex("0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF")


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (KEY.hex().encode(), KEY),
        (KEY.hex().upper().encode(), KEY),
        (KEY, KEY),
        (b"sixteen bytes ok", b"sixteen bytes ok"),
        (b"ab" * 15, b"ab" * 15),  # too short to be a key
        (b"ab" * 21, b"ab" * 21),  # too long
        (b"ab" * 16 + b"a", b"ab" * 16 + b"a"),  # half a byte over
    ],
)
def test_hex_digits_of_the_length_of_a_key_mean_its_bytes(secret: bytes, expected: bytes) -> None:
    assert canonical(secret) == expected


async def test_right_and_wrong_secrets() -> None:
    passwords = Passwords()
    stored = passwords.hash(KEY.hex().encode())
    assert KEY.hex() not in stored
    for _ in range(2):
        assert await passwords.verify("CP1", stored, KEY)
        assert await passwords.verify("CP1", stored, KEY.hex().encode())
        assert not await passwords.verify("CP1", stored, KEY[:-1] + b"\x00")
        assert not await passwords.verify("CP1", stored, b"")


async def test_a_new_hash_makes_the_cached_secret_useless() -> None:
    passwords = Passwords()
    old, new = passwords.hash(b"the old password"), passwords.hash(b"the new password")
    assert await passwords.verify("CP1", old, b"the old password")
    assert not await passwords.verify("CP1", new, b"the old password")
    assert await passwords.verify("CP1", new, b"the new password")
    assert not await passwords.verify("CP2", "no argon2 hash", b"the new password")
