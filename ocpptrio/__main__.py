"""Entry point of `ocpptrio` and `python -m ocpptrio`; says what to install if something is missing.

The base package serves embedders; the command line comes with the extra `server`.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Final

# What each extra brings, by the name that is imported.
_EXTRA_OF: Final = {"cyclopts": "server", "httpcore2": "server", "rich": "server"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    try:
        from ocpptrio.cli import app

        return app.main(arguments)
    except ImportError as error:
        for missing in _missing(error):
            extra = _EXTRA_OF.get(missing)
            if extra is not None:
                print(
                    f"ocpptrio: this needs {missing}: pip install 'ocpptrio[{extra}]'",
                    file=sys.stderr,
                )
                return 1
        raise


def _missing(error: BaseException | None) -> Iterator[str]:
    """The top-level modules that were not found, here or in what this error is caused by."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            yield error.name.partition(".")[0]
        error = error.__cause__


if __name__ == "__main__":
    sys.exit(main())
