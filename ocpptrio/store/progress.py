"""How far work in the background has come, by name."""

from ocpptrio.store.driver import Db, Reader


def get(reader: Reader, name: str) -> int:
    """0 where it has not begun."""
    found = reader.row("SELECT value FROM progress WHERE name = ?", [name])
    if found is None:
        return 0
    assert isinstance(found[0], int)
    return found[0]


def put(db: Db, name: str, value: int) -> None:
    db.run(
        """INSERT INTO progress (name, value) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        [name, value],
    )
