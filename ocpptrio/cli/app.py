"""The command line as a whole: which commands there are, and how errors become exit statuses.

Each command lives in a module of its own, imported when it is used: `ocpptrio --help` answers at
once. Not here: a missing extra (__main__).
"""

import os
import sys
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError

from ocpptrio import __version__
from ocpptrio.errors import OcpptrioError

_COMMANDS: Final = (
    ("serve", "serve:serve", "Run the central system until told to stop."),
    ("simulate", "simulate:simulate", "Be a charge point, to try a central system with."),
    ("charge-points", "charge_points:app", "Who may connect, who is there, and how they are."),
    ("groups", "groups:app", "Charge points that are treated alike."),
    ("configuration", "configuration:app", "What configuration keys hold, and are to hold."),
    ("tags", "tags:app", "The idTags that may charge."),
    ("tag-groups", "tag_groups:app", "What idTags with the same parent share."),
    ("transactions", "transactions:app", "What was charged: when, by whom, how much."),
    ("conditions", "conditions:app", "What is wrong with charge points, and since when."),
    ("deviations", "deviations:app", "Where charge points leave the specification."),
    ("call", "call:call", "Ask a charge point for something, now or when it returns."),
    ("commands", "commands:app", "What charge points were asked, and what came of it."),
    ("tasks", "tasks:app", "Ask many charge points, at a pace."),
    ("watch", "watch:watch", "Show what happens, as it happens."),
    ("journal", "journal:app", "Every message that came and went."),
    ("backup", "backup:backup", "Copy the database, beside a running daemon."),
    ("alerts", "alerts:app", "What people are told of, and who knows."),
    ("webhooks", "webhooks:app", "Which programs are told of which events."),
    ("users", "users:app", "People who may use the API and the dashboard."),
    ("tokens", "tokens:app", "What programs present to the API."),
    ("check-config", "check_config:check_config", "Show every setting, and where it comes from."),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors are one line each on standard error.

    Returns:
        The exit status: 0 done, 1 refused or failed, 2 wrong usage.
    """
    if arguments is None:
        arguments = sys.argv[1:]
    try:
        status = _app(arguments)(arguments)
        sys.stdout.flush()
    except CycloptsError as error:
        return _fail(" ".join(str(error).split()), 2)
    except OcpptrioError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:
        # Whoever read our output has enough (`| head`); Python must not try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status if isinstance(status, int) else 0


def _app(arguments: Sequence[str]) -> App:
    app = App(
        name="ocpptrio",
        help="Central system for OCPP 1.6J charge points.",
        version=__version__,
        backend="trio",
        print_error=False,
        exit_on_error=False,
        result_action="return_value",
    )
    for place, (name, target, summary) in enumerate(_COMMANDS):
        # A summary given here hides a function's own docstring, which says more.
        speaks_for_itself = name in arguments[:1] and not target.endswith(":app")
        app.command(
            f"ocpptrio.cli.{target}",
            name=name,
            help=None if speaks_for_itself else summary,
            sort_key=place,
        )
    return app


def _fail(text: str, status: int) -> int:
    from ocpptrio.cli.output import printable  # not for --help

    for line in text.splitlines():
        print(f"ocpptrio: {printable(line)}", file=sys.stderr)
    return status
