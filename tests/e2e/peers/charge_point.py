"""A charge point on PyPI `ocpp`, which validates all that it sends and receives.

    python charge_point.py ENDPOINT IDENTITY

Plays script.json, then answers commands until the connection is closed. Exit status 0 if nothing
was refused or invalid; the last line of output is the JSON of the Actions that it answered.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import websockets
from ocpp.charge_point import camel_to_snake_case
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action

SCRIPT = json.loads((Path(__file__).parent / "script.json").read_text())


def answering(action: str, response: dict[str, Any], answered: list[str]) -> Any:
    def handler(self: ChargePoint, **payload: Any) -> Any:
        answered.append(action)
        return getattr(call_result, action)(**camel_to_snake_case(response))

    handler.__name__ = f"on_{action}"  # by which the library finds it
    return on(Action(action))(handler)


async def play(endpoint: str, identity: str) -> list[str]:
    answered: list[str] = []
    handlers = {
        f"on_{action}": answering(action, response, answered)
        for action, response in SCRIPT["answers"].items()
    }
    async with websockets.connect(
        f"{endpoint}/{identity}", subprotocols=[websockets.Subprotocol("ocpp1.6")]
    ) as websocket:
        point = type("ScriptedChargePoint", (ChargePoint,), handlers)(identity, websocket)
        reading = asyncio.create_task(point.start())
        transaction_id = None
        for action, payload in SCRIPT["session"]:
            text = json.dumps(payload).replace('"$transactionId"', str(transaction_id))
            request = getattr(call, action)(**camel_to_snake_case(json.loads(text)))
            response = await point.call(request, suppress=False)
            transaction_id = getattr(response, "transaction_id", transaction_id)
        try:
            await reading
        except websockets.ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != 1001:
                raise
    return answered


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play(*sys.argv[1:]))))
