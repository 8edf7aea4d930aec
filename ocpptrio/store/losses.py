"""What was noted or posted and did not get into the database: counted, and told to the log."""

import math

import structlog
import trio

REPORT_INTERVAL_S = 1  # a full disk is told once a second, not once a row

_log = structlog.get_logger("ocpptrio.store")


class Losses:
    """Attributes:
    total: rows and changes lost since the start.
    """

    def __init__(self) -> None:
        self.total = 0
        self._unreported = 0
        self._reason = ""  # of the first that is not reported
        self._report_due = -math.inf

    def add(self, count: int, reason: object) -> None:
        if not self._unreported:
            self._reason = str(reason)
        self.total += count
        self._unreported += count
        self.report()

    def report(self) -> None:
        """Log what is not reported yet, unless the last report is too recent."""
        if self._unreported and trio.current_time() >= self._report_due:
            _log.error("not stored", count=self._unreported, total=self.total, reason=self._reason)
            self._unreported = 0
            self._report_due = trio.current_time() + REPORT_INTERVAL_S
