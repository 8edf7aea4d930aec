"""Who may use the API and the dashboard: users, tokens, and browsers that are logged in.

Only digests of what they present are kept. Not here: passwords, and who may do what
(services.access); charge points, which have credentials of their own (charge_points).
"""

from collections.abc import Mapping
from typing import Any

from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import TokenRecord, UserRecord
from ocpptrio.store.vocabulary import Role

LOGINS_KEPT = 100  # of one user; the oldest goes first


# Users.


def add_user(
    db: Db, user_name: str, *, role: Role, at_us: int, password_hash: str | None = None
) -> bool:
    """False if there is one of that name, which changes nothing."""
    added = db.row(
        """INSERT INTO users (user_name, role, password_hash, created_at_us)
        VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING user_name""",
        [folded(user_name), role, password_hash, at_us],
    )
    return added is not None


def user(reader: Reader, user_name: str) -> UserRecord | None:
    row = reader.row("SELECT * FROM users WHERE user_name = ?", [folded(user_name)])
    return None if row is None else UserRecord.of(row)


def users(reader: Reader, *, after: str = "", limit: int = 1000) -> list[UserRecord]:
    """By name."""
    sql = "SELECT * FROM users WHERE user_name > ? ORDER BY user_name LIMIT ?"
    return [UserRecord.of(row) for row in reader.rows(sql, [after, limit])]


def edit_user(db: Db, user_name: str, changes: Mapping[str, Any]) -> None:
    """Change columns of a user.

    A new password, and being disabled, ends what was logged in with the old one.
    """
    # Names of our own.
    columns = ", ".join(f"{column} = ?" for column in changes)
    sql = f"UPDATE users SET {columns} WHERE user_name = ?"  # noqa: S608
    db.run(sql, [*changes.values(), folded(user_name)])
    if "password_hash" in changes or changes.get("disabled"):
        db.run("DELETE FROM logins WHERE user_name = ?", [folded(user_name)])


def remove_user(db: Db, user_name: str) -> bool:
    """Forget a user and what is logged in; False if there is none."""
    name = folded(user_name)
    db.run("DELETE FROM logins WHERE user_name = ?", [name])
    sql = "DELETE FROM users WHERE user_name = ? RETURNING user_name"
    return db.row(sql, [name]) is not None


def folded(user_name: str) -> str:
    """The one spelling of a name."""
    return user_name.strip().casefold()


# Tokens.


def add_token(
    db: Db,
    name: str,
    *,
    role: Role,
    digest: str,
    created_by: str,
    at_us: int,
    expires_at_us: int | None = None,
) -> TokenRecord:
    row = db.row(
        """INSERT INTO tokens (name, role, digest, created_by, created_at_us, expires_at_us)
        VALUES (?, ?, ?, ?, ?, ?) RETURNING *""",
        [name, role, digest, created_by, at_us, expires_at_us],
    )
    assert row is not None
    return TokenRecord.of(row)


def tokens(reader: Reader, *, before: int = 2**63 - 1, limit: int = 1000) -> list[TokenRecord]:
    """The newest first."""
    sql = "SELECT * FROM tokens WHERE token_id < ? ORDER BY token_id DESC LIMIT ?"
    return [TokenRecord.of(row) for row in reader.rows(sql, [before, limit])]


def token_of(reader: Reader, digest: str) -> TokenRecord | None:
    row = reader.row("SELECT * FROM tokens WHERE digest = ?", [digest])
    return None if row is None else TokenRecord.of(row)


def token_used(db: Db, token_id: int, at_us: int) -> None:
    db.run("UPDATE tokens SET last_used_at_us = ? WHERE token_id = ?", [at_us, token_id])


def remove_token(db: Db, token_id: int) -> bool:
    """False if there is none."""
    sql = "DELETE FROM tokens WHERE token_id = ? RETURNING token_id"
    return db.row(sql, [token_id]) is not None


# Logins.


def add_login(
    db: Db, digest: str, *, user_name: str, at_us: int, expires_at_us: int, once: bool = False
) -> None:
    """Log a user in, or keep a key that does `once`."""
    name = folded(user_name)
    db.run("DELETE FROM logins WHERE expires_at_us <= ?", [at_us])
    db.run(
        """DELETE FROM logins WHERE digest IN (SELECT digest FROM logins WHERE user_name = ?
            ORDER BY created_at_us DESC LIMIT -1 OFFSET ?)""",
        [name, LOGINS_KEPT - 1],
    )
    db.run(
        """INSERT INTO logins (digest, user_name, once, created_at_us, expires_at_us)
        VALUES (?, ?, ?, ?, ?)""",
        [digest, name, int(once), at_us, expires_at_us],
    )


def logged_in(reader: Reader, digest: str, at_us: int) -> tuple[UserRecord, int] | None:
    """The user of a login that is still good, and when it ends."""
    row = reader.row(
        """SELECT users.*, logins.expires_at_us FROM logins JOIN users USING (user_name)
        WHERE digest = ? AND once = 0 AND expires_at_us > ? AND disabled = 0""",
        [digest, at_us],
    )
    if row is None:
        return None
    expires_at_us = row[-1]
    assert isinstance(expires_at_us, int)
    return UserRecord.of(row[:-1]), expires_at_us


def redeem(db: Db, digest: str, at_us: int) -> UserRecord | None:
    """Take a key: it is worth nothing from now on. The user it lets in."""
    row = db.row(
        "DELETE FROM logins WHERE digest = ? AND once = 1 RETURNING user_name, expires_at_us",
        [digest],
    )
    if row is None:
        return None
    user_name, expires_at_us = row
    assert isinstance(user_name, str)
    assert isinstance(expires_at_us, int)
    found = user(db, user_name)
    return found if found is not None and expires_at_us > at_us and not found.disabled else None


def extend(db: Db, digest: str, expires_at_us: int) -> None:
    db.run("UPDATE logins SET expires_at_us = ? WHERE digest = ?", [expires_at_us, digest])


def log_out(db: Db, digest: str) -> None:
    db.run("DELETE FROM logins WHERE digest = ?", [digest])
