"""`ocpptrio serve`: the daemon, with settings from file, environment and options."""

from functools import partial

from ocpptrio import daemon
from ocpptrio.cli import banner
from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.config import LogFormat, LogLevel
from ocpptrio.config_sources import Option, load_effective


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    api_host: str | None = None,
    api_port: int | None = None,
    log_level: LogLevel | None = None,
    log_format: LogFormat | None = None,
    database: Database = FROM_SETTINGS,
) -> int:
    """Run the central system until told to stop (Ctrl+C, SIGTERM).

    It then finishes outstanding answers; a second signal ends it at once. The exit status is 0
    after a clean stop.

    Args:
        host: Where to listen: 127.0.0.1 is this machine only, 0.0.0.0 every network.
        port: The port for charge points; 0 takes any free one.
        api_host: Where the dashboard and the API listen; on a network, put a TLS proxy in front.
        api_port: Their port; 0 takes any free one.
        log_level: The least important lines to log.
        log_format: Log lines for people (text) or for programs (json).
    """
    options = dict(database.options())
    for key, name, value in (
        (("ocpp", "host"), "--host", host),
        (("ocpp", "port"), "--port", port),
        (("api", "host"), "--api-host", api_host),
        (("api", "port"), "--api-port", api_port),
        (("log", "level"), "--log-level", log_level),
        (("log", "format"), "--log-format", log_format),
    ):
        if value is not None:
            options[key] = Option(name, value)
    settings = load_effective(database.config, options=options).settings
    return daemon.run(settings, partial(banner.announce, settings, database.as_typed()))
