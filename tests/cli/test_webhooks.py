"""`ocpptrio webhooks`, beside a daemon that delivers."""

from collections.abc import Callable

from ocpptrio.events import TagLearnt
from ocpptrio.store import charge_points
from ocpptrio.store.driver import Db
from tests.cli.conftest import Command

Write = Callable[[Callable[[Db], None]], None]
URL = "http://127.0.0.1:1/hook"


def test_the_secret_is_shown_once(ocpptrio: Command, write: Write) -> None:
    assert ocpptrio("webhooks", "add", URL).lines[1].startswith("whsec_")
    made = ocpptrio("webhooks", "add", URL, "--secret", "0123456789abcdef", "--json").json
    assert (made["webhook_id"], made["secret"]) == (2, "0123456789abcdef")
    listed = ocpptrio("webhooks", "list", "--json")
    assert "whsec_" not in listed.out
    assert "0123456789abcdef" not in listed.out
    assert [(one["webhook_id"], one["state"]) for one in listed.json] == [
        (1, "active"),
        (2, "active"),
    ]


def test_filters_are_named_and_checked(ocpptrio: Command, write: Write) -> None:
    def work(db: Db) -> None:
        charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)

    write(work)
    kinds = ("--kind", "TransactionStarted", "--kind", "Booted")
    made = ocpptrio("webhooks", "add", URL, *kinds, "--charge-point", "CP1", "--json").json
    assert (made["kinds"], made["charge_point_id"]) == (["Booted", "TransactionStarted"], "CP1")
    assert "Booted, TransactionStarted of CP1" in ocpptrio("webhooks", "list").out
    refused = ocpptrio("webhooks", "add", URL, "--kind", "Boot", status=1)
    assert "did you mean Booted?" in refused.err
    refused = ocpptrio("webhooks", "add", "example.com", status=1)
    assert refused.err == "ocpptrio: url: expected http:// or https://\n"


def test_paused_resumed_replayed_and_removed(ocpptrio: Command, write: Write) -> None:
    ocpptrio("webhooks", "add", URL, "--kind", "TagLearnt")

    def learn(db: Db) -> None:
        db.emit(TagLearnt(charge_point_id="CP1", at_us=0, id_tag="A"))

    assert ocpptrio("webhooks", "pause", "1").out == "webhook 1 paused\n"
    write(learn)
    write(learn)
    assert ocpptrio("webhooks", "replay", "1", "4").out == (
        "webhook 1: 1 event to deliver; it is paused\n"
    )
    assert ocpptrio("webhooks", "replay", "1", "1").out.startswith("webhook 1: 2 events")
    assert ocpptrio("webhooks", "list", "--json").json[0]["waiting"] == 2
    assert ocpptrio("webhooks", "resume", "1").out == "webhook 1 resumed; 2 events to deliver\n"
    assert ocpptrio("webhooks", "remove", "1").out == "webhook 1 removed\n"
    assert ocpptrio("webhooks", "list").out.startswith("no webhooks yet")
    for command in ("pause", "resume", "remove", "test", "deliveries"):
        assert ocpptrio("webhooks", command, "1", status=1).err == (
            "ocpptrio: there is no webhook 1\n"
        )


def test_a_test_tells_what_is_in_the_way(ocpptrio: Command) -> None:
    ocpptrio("webhooks", "add", URL)
    refused = ocpptrio("webhooks", "test", "1", status=1)
    assert "webhook 1: cannot be reached: all attempts to connect" in refused.err
    (attempt,) = ocpptrio("webhooks", "deliveries", "1", "--json").json
    assert (attempt["events"], attempt["status"]) == (0, None)
