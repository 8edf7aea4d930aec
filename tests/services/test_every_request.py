"""Each of the 26 requests of a central system can be queued, is sent as it is, and is answered."""

import json
from typing import Any

import msgspec
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ocpptrio.protocol.actions import ACTIONS, Role, encode
from ocpptrio.redaction import redact
from ocpptrio.testing.strategies import REQUESTS, RESPONSES, as_sent
from tests.services.device import Device, central_system, register

OURS = sorted(name for name, spec in ACTIONS.items() if Role.CENTRAL_SYSTEM in spec.senders)


@given(st.fixed_dictionaries({name: st.tuples(REQUESTS[name], RESPONSES[name]) for name in OURS}))
@settings(max_examples=10)
def test_every_request_can_be_queued_and_is_sent_as_it_is(drawn: dict[str, Any]) -> None:
    assert len(drawn) == 26

    async def main() -> None:
        device = Device()
        async with central_system() as central:
            await register(central)
            for name, (request, response) in drawn.items():
                device.answers[name] = json.loads(encode(response))
                command_id = await central.commands.submit("CP1", request)
                assert command_id == len(device.answers)
            async with device.connected(central):
                for command_id, (name, (_, response)) in enumerate(drawn.items(), start=1):
                    record = await central.commands.wait_settled(command_id)
                    assert (record.action, record.state) == (name, "answered")
                    shown = msgspec.json.encode(as_sent(response)).decode()
                    assert record.response == redact(name, shown)
                    assert record.secret_request is None
        assert device.sent == [
            (name, json.loads(encode(request))) for name, (request, _) in drawn.items()
        ]

    trio.run(main, clock=MockClock(autojump_threshold=0))
