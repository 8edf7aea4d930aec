"""Who may use the API and the dashboard: users with passwords, tokens, one-time login addresses.

What is presented is known by its digest alone. Not here: charge points (admission), HTTP (api).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog

from ocpptrio.clock import DAY_US, Clock
from ocpptrio.errors import OcpptrioError
from ocpptrio.passwords import Passwords
from ocpptrio.rates import PerMinute
from ocpptrio.store import access
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import TokenRecord, UserRecord
from ocpptrio.store.vocabulary import Role

FIRST_USER: Final = "admin"
TOKEN_PREFIX: Final = "ocpptrio_"  # noqa: S105 - so that a token is known as one where it leaks
SECRET_BYTES: Final = 32
LOGIN_KEY_US: Final = DAY_US  # for which a one-time login address is good
# A login is extended, and the use of a token noted, this often at most: each is a write.
NOTE_EVERY_US: Final = 60 * 1_000_000
# Of a URL's path, and to be read aloud.
USER_NAME: Final = r"^[\w.@+-]+$"
LONGEST_USER_NAME: Final = 64  # characters
LONGEST_TOKEN_NAME: Final = 100
MIN_PASSWORD: Final = 10  # characters
MAX_PASSWORD: Final = 200
# Failures within a minute, before any hash is computed; a person mistypes a few times.
FAILURES_PER_USER: Final = 10
FAILURES_PER_ADDRESS: Final = 30

log = structlog.get_logger("ocpptrio.access")


class LoginRefused(OcpptrioError):
    """Wrong name, password or key. It is not said which: names are no secret to give away."""


class TooManyTries(OcpptrioError):
    """Too many failed logins within a minute; wait, and try again."""


class LastAdmin(OcpptrioError):
    """Nobody would be left who may say who may do what; make another one admin first."""


class Principal(msgspec.Struct, frozen=True):
    """Somebody whom we know.

    Attributes:
        name: as the audit log has it: "user anna", "token 3 billing".
        user_name: of a person; None: a program.
        digest: of the login; None: a program.
        csrf_token: what a browser sends with each change, to prove that a page of ours asked.
        expires_at_us: of the login, or of the token if it expires.
    """

    name: str
    role: Role
    user_name: str | None = None
    digest: str | None = None
    csrf_token: str | None = None
    expires_at_us: int | None = None


class Login(msgspec.Struct, frozen=True):
    """A browser that has just logged in; its cookie is the secret."""

    secret: str
    principal: Principal


class AccessService:
    """See the module.

    Args:
        login_days: without a visit, until a login ends.
    """

    def __init__(
        self, store: Store, clock: Clock, passwords: Passwords, *, login_days: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._login_us = login_days * DAY_US
        self._failures = PerMinute()
        self._nobodys_hash: str | None = None
        self._used: dict[int, int] = {}  # token -> when its use was noted

    async def by_token(self, token: str) -> Principal | None:
        """Who presents this token; None if it is not good."""
        at_us, digest = self._clock(), digest_of(token)
        found = await self._store.read(lambda reader: access.token_of(reader, digest))
        if found is None or (found.expires_at_us is not None and found.expires_at_us <= at_us):
            return None
        if at_us - self._used.get(found.token_id, 0) >= NOTE_EVERY_US:
            self._used[found.token_id] = at_us
            self._store.post(lambda db: access.token_used(db, found.token_id, at_us))
        return Principal(
            f"token {found.token_id} {found.name}", found.role, expires_at_us=found.expires_at_us
        )

    async def by_cookie(self, secret: str) -> Principal | None:
        """Whose browser this is; None if its login is not good any more."""
        at_us, digest = self._clock(), digest_of(secret)
        found = await self._store.read(lambda reader: access.logged_in(reader, digest, at_us))
        if found is None:
            return None
        user, expires_at_us = found
        if expires_at_us - at_us < self._login_us - NOTE_EVERY_US:
            expires_at_us = at_us + self._login_us
            self._store.post(lambda db: access.extend(db, digest, expires_at_us))
        return _principal(user, secret, expires_at_us)

    async def log_in(self, user_name: str, password: str, address: str) -> Login:
        """Log a person in.

        Raises:
            LoginRefused: wrong name or password, or disabled.
            TooManyTries: wait a minute.
        """
        name = access.folded(user_name)
        self._begin_try(name, address)
        user = await self._store.read(lambda reader: access.user(reader, name))
        # A user who is not there costs as much time as one who is.
        stored = (user and user.password_hash) or await self._nobody()
        right = await self._passwords.verify(f"user {name}", stored, password.encode())
        if not right or user is None or user.password_hash is None or user.disabled:
            log.warning("login refused", user=name, peer=address)
            raise LoginRefused("wrong user name or password")
        self._succeeded(name, address)
        return await self._logged_in(user)

    async def redeem(self, login_key: str, address: str) -> Login:
        """Log in with the key of a one-time login address.

        Raises:
            LoginRefused: it was used, has expired, or never was one.
            TooManyTries: wait a minute.
        """
        self._begin_try("", address)
        at_us, digest = self._clock(), digest_of(login_key)
        user = await self._store.write(lambda db: access.redeem(db, digest, at_us))
        if user is None:
            log.warning("login refused", user="", peer=address)
            raise LoginRefused(
                "this login address was used already, or has expired; for a new one: "
                "ocpptrio users login-link"
            )
        self._succeeded("", address)
        return await self._logged_in(user)

    async def log_out(self, principal: Principal) -> None:
        """End a login; its cookie is worth nothing from now on."""
        digest = principal.digest
        if digest is not None:
            await self._store.write(lambda db: access.log_out(db, digest))

    async def set_password(
        self, principal: Principal, current: str | None, new: str, address: str
    ) -> Login:
        """A person changes the own password; all their other logins end.

        Raises:
            LoginRefused: the current one is wrong; none is needed while none is set.
            TooManyTries: wait a minute.
            ValueError: the new one does not do.
        """
        check_password(new)
        name = principal.user_name
        assert name is not None
        self._begin_try(name, address)
        user = await self._store.read(lambda reader: access.user(reader, name))
        if user is None:
            raise LoginRefused("there is no such user any more")
        if user.password_hash is not None and not await self._passwords.verify(
            f"user {name}", user.password_hash, (current or "").encode()
        ):
            log.warning("login refused", user=name, peer=address)
            raise LoginRefused("the current password is wrong")
        self._succeeded(name, address)
        password_hash = await self.hash(new)
        await self._store.write(
            lambda db: access.edit_user(db, name, {"password_hash": password_hash})
        )
        return await self._logged_in(user)

    async def hash(self, password: str) -> str:
        """The hash to store of a password.

        Raises:
            ValueError: it does not do.
        """
        check_password(password)
        return await self._passwords.hash_in_thread(password.encode())

    async def first_login_key(self) -> str | None:
        """A key for the first login; None once anybody can log in with a password.

        Makes the first user if there is none.
        """
        return await self._store.write(lambda db: first_login_key(db, self._clock()))

    async def _logged_in(self, user: UserRecord) -> Login:
        secret, at_us = secrets.token_urlsafe(SECRET_BYTES), self._clock()
        expires_at_us = at_us + self._login_us

        def work(db: Db) -> None:
            access.add_login(
                db,
                digest_of(secret),
                user_name=user.user_name,
                at_us=at_us,
                expires_at_us=expires_at_us,
            )
            access.edit_user(db, user.user_name, {"last_login_at_us": at_us})

        await self._store.write(work)
        log.info("logged in", user=user.user_name, role=str(user.role))
        return Login(secret, _principal(user, secret, expires_at_us))

    def _begin_try(self, name: str, address: str) -> None:
        """Count it as failed until it has not: hashes take long, and others try meanwhile."""
        at_us = self._clock()
        limits = _limits(name, address)
        if any(self._failures.now(key, at_us) >= limit for key, limit in limits.items()):
            raise TooManyTries("too many failed logins; wait a minute, and try again")
        for key in limits:
            self._failures.count(key, at_us)

    def _succeeded(self, name: str, address: str) -> None:
        for key in _limits(name, address):
            self._failures.take_back(key)

    async def _nobody(self) -> str:
        """A hash that no password fits."""
        if self._nobodys_hash is None:
            self._nobodys_hash = await self._passwords.hash_in_thread(
                secrets.token_bytes(SECRET_BYTES)
            )
        return self._nobodys_hash


def _limits(name: str, address: str) -> dict[str, int]:
    """What is counted of a login, and how often it may fail within a minute."""
    limits = {address: FAILURES_PER_ADDRESS}
    if name:  # at this address: nobody can lock a user out from elsewhere
        limits[f"user {name} {address}"] = FAILURES_PER_USER
    return limits


def _principal(user: UserRecord, secret: str, expires_at_us: int) -> Principal:
    # Bound to the login, and no way back to its secret.
    csrf_token = hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()
    return Principal(
        f"user {user.user_name}",
        user.role,
        user_name=user.user_name,
        digest=digest_of(secret),
        csrf_token=csrf_token,
        expires_at_us=expires_at_us,
    )


# What both the API and the command line do. Each is to be called with a `Db`.


def new_login_key(db: Db, user_name: str, at_us: int) -> str:
    """The key of a one-time login address of a user, good for a day."""
    key = secrets.token_urlsafe(SECRET_BYTES)
    access.add_login(
        db,
        digest_of(key),
        user_name=user_name,
        at_us=at_us,
        expires_at_us=at_us + LOGIN_KEY_US,
        once=True,
    )
    return key


def first_login_key(db: Db, at_us: int) -> str | None:
    """See `AccessService.first_login_key`."""
    everyone = access.users(db)
    if any(user.password_hash is not None and not user.disabled for user in everyone):
        return None
    if not any(user.role is Role.ADMIN and not user.disabled for user in everyone):
        access.add_user(db, FIRST_USER, role=Role.ADMIN, at_us=at_us)
    admin = next(u for u in access.users(db) if u.role is Role.ADMIN and not u.disabled)
    return new_login_key(db, admin.user_name, at_us)


def new_token(
    db: Db, name: str, *, role: Role, created_by: str, at_us: int, expires_at_us: int | None
) -> tuple[TokenRecord, str]:
    """A token, and what its bearer presents: shown once, kept as a digest."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    record = access.add_token(
        db,
        name,
        role=role,
        digest=digest_of(token),
        created_by=created_by,
        at_us=at_us,
        expires_at_us=expires_at_us,
    )
    return record, token


def edit_user(db: Db, user_name: str, changes: Mapping[str, Any]) -> None:
    """Change columns of a user that is there; see the store.

    Raises:
        LastAdmin: nobody else would be left.
    """
    if changes.get("disabled") or changes.get("role", Role.ADMIN) is not Role.ADMIN:
        _check_not_last_admin(db, user_name)
    access.edit_user(db, user_name, changes)


def forget_user(db: Db, user_name: str) -> None:
    """Forget a user that is there, and what is logged in.

    Raises:
        LastAdmin: nobody else would be left.
    """
    _check_not_last_admin(db, user_name)
    access.remove_user(db, user_name)


def _check_not_last_admin(reader: Reader, user_name: str) -> None:
    name = access.folded(user_name)
    admins = [u for u in access.users(reader) if u.role is Role.ADMIN and not u.disabled]
    if [user.user_name for user in admins] == [name]:
        raise LastAdmin(f"{name} is the only admin; make another one admin first")


def check_password(password: str) -> None:
    """Raise ValueError if a password does not do."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise ValueError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")


def check_user_name(user_name: str) -> None:
    """Raise ValueError if nobody can be called that."""
    if len(user_name) > LONGEST_USER_NAME or not re.fullmatch(USER_NAME, user_name):
        raise ValueError(
            f"a user name has 1 to {LONGEST_USER_NAME} letters, digits and any of . @ + - _"
        )


def digest_of(secret: str) -> str:
    """What is kept of a secret of ours. It is long and random: no salt, no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
