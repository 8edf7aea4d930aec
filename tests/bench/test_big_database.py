"""The large database of the benchmark, but small: it can be read, and each question has answers."""

from pathlib import Path

import big_data
import big_questions
import pytest

from ocpptrio.services import rollups
from ocpptrio.store import events, progress, transactions
from ocpptrio.store.driver import Reader
from ocpptrio.store.sqlite import SqliteStore
from ocpptrio.store.vocabulary import TransactionState

TRANSACTIONS = 2 * big_data.PLACES  # two for each connector


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bench") / "big.db"
    big_data.make(made, transactions=TRANSACTIONS, say=lambda _: None)
    return made


async def test_it_holds_what_it_promises(path: Path) -> None:
    def work(reader: Reader) -> None:
        found = transactions.listed(reader, limit=TRANSACTIONS + 1)
        assert len(found) == TRANSACTIONS
        running = [one for one in found if one.state is TransactionState.OPEN]
        assert len(running) == big_data.PLACES
        ((readings,),) = reader.rows("SELECT count(*) FROM meter_readings")
        assert readings == TRANSACTIONS * big_data.READINGS
        assert progress.get(reader, rollups.NAME) == readings, "a daemon would begin to roll up"
        kept = events.latest(reader, limit=1000)
        assert len(kept) == 1000, "none is of a kind that cannot be read"

    async with SqliteStore(path, inline=True) as store:
        await store.read(work)


async def test_every_question_can_be_asked(path: Path) -> None:
    async with SqliteStore(path, inline=True) as store:
        extent = await store.read(big_questions.extent)
        answered = 0
        for _, work in big_questions.of_store(extent):
            answered += bool(await store.read(work))
    assert answered > 40


async def test_paths_of_the_api_are_its_own() -> None:
    extent = big_questions.Extent(0, 10**15, 100, 100, 100)
    paths = list(big_questions.of_api(extent))
    assert len(paths) > 50
    assert len(set(paths)) == len(paths)
    assert all(path.startswith("/") for path in paths)
