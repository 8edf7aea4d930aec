"""Topics: what is published where."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpptrio.services.mqtt_topics import Topics, level


@pytest.mark.parametrize(
    ("identity", "written"),
    [
        ("CP1", "CP1"),
        ("Säule 1 (left)", "Säule 1 (left)"),
        ("a/b", "a%2Fb"),
        ("+#%", "%2B%23%25"),
        ("\x00\n", "%00%0A"),
        ("\ufffe", "%EF%BF%BE"),
    ],
)
def test_what_mqtt_forbids_is_percent_encoded(identity: str, written: str) -> None:
    assert level(identity) == written


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_identity_is_one_level_and_can_be_read_back(identity: str) -> None:
    written = level(identity)
    assert unquote(written) == identity
    assert not set(written) & set("+#/\0")


def test_what_concerns_no_charge_point_has_a_topic_beside_theirs() -> None:
    topics = Topics("home/cars")
    assert topics.event("CP1", "Booted") == "home/cars/CP1/events/Booted"
    assert topics.event("", "WebhookChanged") == "home/cars/events/WebhookChanged"
    assert topics.status("CP1", 2) == "home/cars/CP1/connectors/2/status"
