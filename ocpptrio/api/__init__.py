"""What people and programs use: REST under /api/v1, live events, the dashboard's files.

`Api(central).app` is an ASGI application for any server that runs on Trio; `server` runs it for the
daemon. One module per resource lives in `routes`; what they share stands beside it. Nothing is
decided here: that is `services`.
"""

from ocpptrio.api.app import Api

__all__ = ["Api"]
