"""Spans for OpenTelemetry: a CALL that came, a command that was sent, a commit.

Only where `[observability] tracing` says so; else nothing of it is imported, and nothing of it is
in the way of a message. Where spans go is for OpenTelemetry's SDK to say. Not here: what is counted
(figures).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from ocpptrio.errors import ConfigError

NAME = "ocpptrio"


class Tracing:
    """Makes the spans.

    Raises:
        ConfigError: the extra `otel` is not installed.
    """

    def __init__(self) -> None:
        try:
            from opentelemetry import trace  # of the extra
        except ImportError:
            raise ConfigError(
                "[observability] tracing: needs OpenTelemetry: pip install 'ocpptrio[otel]'. "
                "Else leave it out"
            ) from None
        self._trace = trace
        self._tracer = trace.get_tracer(NAME, version(NAME))

    @contextmanager
    def received(self, charge_point_id: str, action: str, unique_id: str) -> Iterator[None]:
        """Round the answering of a CALL; what is raised in it is recorded and raised."""
        with self._tracer.start_as_current_span(
            f"receive {action}",
            kind=self._trace.SpanKind.SERVER,
            attributes={
                "ocpp.charge_point": charge_point_id,
                "ocpp.action": action,
                "ocpp.unique_id": unique_id,
            },
        ):
            yield

    @contextmanager
    def sent(self, charge_point_id: str, action: str, command_id: int) -> Iterator["Outcome"]:
        """Round a command, from its turn in the queue until its end is on record."""
        with self._tracer.start_as_current_span(
            f"send {action}",
            kind=self._trace.SpanKind.CLIENT,
            attributes={
                "ocpp.charge_point": charge_point_id,
                "ocpp.action": action,
                "ocpp.command": command_id,
            },
        ) as span:
            outcome = Outcome()
            yield outcome
            if outcome.error is not None:
                span.set_status(self._trace.StatusCode.ERROR, str(outcome.error))
                span.set_attribute("error.type", type(outcome.error).__name__)

    def committed(self, began_ns: int, ended_ns: int, changes: int, rows: int) -> None:
        """A commit that is over. It has no parent: many share it.

        Args:
            began_ns: since 1970; `ended_ns` likewise.
            changes: that somebody waited for; `rows` are those that were only noted.
        """
        span = self._tracer.start_span(
            "commit",
            context=self._trace.set_span_in_context(self._trace.INVALID_SPAN),
            kind=self._trace.SpanKind.CLIENT,
            start_time=began_ns,
            attributes={"ocpptrio.changes": changes, "ocpptrio.rows": rows},
        )
        span.end(ended_ns)


class Outcome:
    """How a command ended, for its span."""

    error: Exception | None = None
