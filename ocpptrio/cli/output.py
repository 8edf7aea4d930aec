"""What commands print: tables and fields for people, JSON for programs.

People get local times and, on a terminal, columns that fit it; in a pipe they get plain aligned
text, never cut. Programs get one JSON document, with UTC times and plain numbers.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TextIO, TypeVar

import msgspec
from cyclopts import Parameter
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from ocpptrio.errors import OcpptrioError
from ocpptrio.presentation import public

T = TypeVar("T")
# Title -> what stands below it, of each row.
Columns = Mapping[str, Callable[[T], object]]


class Failed(OcpptrioError):
    """A command could not do what it was asked; the message says why, and what to do."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How a command prints."""

    json: Annotated[bool, Parameter(negative="", show_default=False)] = False
    """Print JSON for programs: UTC times, energy in Wh."""

    def table(
        self,
        rows: Sequence[T],
        columns: Columns[T],
        *,
        empty: str = "",
        view: Callable[[T], object] | None = None,
    ) -> None:
        """Many of a kind, a line each.

        Args:
            empty: what people are told when there are none.
            view: what programs get of each; default: see `public`.
        """
        if self.json:
            self.document([(view or public)(row) for row in rows])
        elif rows:
            _print_table(columns, rows)
        else:
            print(empty)

    def done(self, sentence: str, document: object) -> None:
        """What a command did: a sentence for people, what it concerns for programs."""
        if self.json:
            self.document(document)
        else:
            print("\n".join(map(printable, sentence.split("\n"))))

    def document(self, value: object) -> None:
        """A whole JSON document."""
        print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


FOR_PEOPLE: Final = Output()


@contextmanager
def writing(file: Path | None) -> Iterator[TextIO]:
    """The file, opened to be written anew; without one, standard output.

    Raises:
        Failed: it cannot be written.
    """
    if file is None:
        yield sys.stdout
        return
    try:
        opened = file.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise Failed(f"{file}: cannot be written: {error.strerror}") from error
    with opened:
        yield opened


def cell(value: object) -> str:
    """How people read a value. Nothing in it can command a terminal."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}"
        case datetime():
            return f"{_local(value):%Y-%m-%d %H:%M:%S}"
    return printable(str(value))


def _local(when: datetime) -> datetime:
    try:
        return when.astimezone()
    except OverflowError:  # the end of the year 9999, which many write for "never"
        return when


def printable(text: str) -> str:
    """Text of a charge point, without what a terminal would obey: escapes and the like."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Quantity(str):
    """A number with its unit; a column of them lines up on the right."""


def joined(*values: object) -> str:
    """Those that are there, as one text."""
    return " ".join(text for text in map(cell, values) if text)


def plural(count: int, noun: str) -> str:
    """`1 tag`, `2 tags`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def heading(title: str) -> None:
    """Begins another part of what people read."""
    print(f"\n{printable(title)}:")


def print_fields(fields: Mapping[str, object]) -> None:
    """One thing for people: a line for each property that is there."""
    shown = {title: text for title, value in fields.items() if (text := cell(value))}
    width = max(map(len, shown))
    for title, text in shown.items():
        print(f"{title:<{width}}  {text}")


def _lines_up_right(value: object) -> bool:
    return isinstance(value, Quantity | int | float | None) and not isinstance(value, bool)


def _print_table(columns: Columns[T], rows: Iterable[T]) -> None:
    values = [[value(row) for value in columns.values()] for row in rows]
    lines = [[cell(value) for value in line] for line in values]
    to_the_right = [all(map(_lines_up_right, column)) for column in zip(*values, strict=True)]
    if sys.stdout.isatty():
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title, right in zip(columns, to_the_right, strict=True):
            justify: JustifyMethod = "right" if right else "left"
            table.add_column(title, justify=justify, overflow="fold", no_wrap=right)
        for line in lines:
            table.add_row(*map(Text, line))  # Text: brackets in it are no markup
        Console(highlight=False).print(table)
        return
    widths = [max(map(len, column)) for column in zip(columns, *lines, strict=True)]
    for line in (list(columns), *lines):
        padded = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, to_the_right, strict=True)
        ]
        print("  ".join(padded).rstrip())
