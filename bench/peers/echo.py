"""The ceiling: what `serve_websocket` of trio-websocket can do when nothing else is done.

    python bench/peers/echo.py PORT                         ws://127.0.0.1:PORT/ocpp/{id}

No OCPP: each CALL gets a canned response, with its unique id cut out of the text.
"""

import itertools
import sys

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

TIME = '"currentTime":"2026-01-01T00:00:00Z"'
ACCEPTED = '"idTagInfo":{"status":"Accepted"}'
RESPONSES = {
    "Authorize": f"{{{ACCEPTED}}}",
    "BootNotification": f'{{{TIME},"interval":300,"status":"Accepted"}}',
    "Heartbeat": f"{{{TIME}}}",
    "StopTransaction": f"{{{ACCEPTED}}}",
}

transaction_ids = itertools.count(1)


def answer(call: str) -> str:
    _, unique_id, _, action, _ = call.split('"', 4)
    if action == "StartTransaction":
        response = f'{{"transactionId":{next(transaction_ids)},{ACCEPTED}}}'
    else:
        response = RESPONSES.get(action, "{}")
    return f'[3,"{unique_id}",{response}]'


async def serve(request: WebSocketRequest) -> None:
    websocket = await request.accept(subprotocol="ocpp1.6")
    try:
        while True:
            call = await websocket.get_message()
            assert isinstance(call, str)
            await websocket.send_message(answer(call))
    except ConnectionClosed:
        pass


if __name__ == "__main__":
    trio.run(serve_websocket, serve, "127.0.0.1", int(sys.argv[1]), None)
