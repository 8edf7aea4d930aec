"""Which process is the daemon of a database: it holds a lock on a file beside it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ocpptrio.errors import StoreError

# Somebody who only asks whether there is a daemon holds the lock for a moment.
TRIES: Final = 5
BETWEEN_TRIES_S: Final = 0.02


@contextmanager
def only_daemon(database: str) -> Iterator[None]:
    """Hold a database against a second daemon, which would take all charge points for offline.

    Raises:
        StoreError: a daemon holds it.
    """
    if database == ":memory:":
        yield
        return
    # A file of its own: to close any descriptor of the database would drop SQLite's locks on it.
    try:
        descriptor = os.open(f"{database}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:
        yield  # no such folder, or no right to it: the store says that better
        return
    try:
        _hold(descriptor, database)
        yield
    finally:
        os.close(descriptor)


def has_daemon(database: str) -> bool:
    """Whether a daemon holds the database now."""
    try:
        descriptor = os.open(f"{database}.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks
    finally:
        os.close(descriptor)
    return False


def _hold(descriptor: int, database: str) -> None:
    for tries_left in reversed(range(TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not tries_left:
                raise StoreError(
                    f"{database}: another ocpptrio serve uses it; stop that one, or name another "
                    "database (--database)"
                ) from None
            time.sleep(BETWEEN_TRIES_S)
        except OSError:
            return  # a file system without locks
        else:
            return
