"""What the parts of one simulated charge point share: time, settings, the way out. No behaviour."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from ocpptrio.simulator.configuration import Configuration
from ocpptrio.simulator.outbox import Outbox
from ocpptrio.simulator.quirks import Quirks
from ocpptrio.simulator.timing import SECOND_US, Agenda, DeviceClock, Timer, Timing


class Device:
    """See the module.

    Attributes:
        tell: takes a line for whoever watches; no line is needed to understand another.
        quirks: how it misbehaves, if it does.
        powered: False from the loss of the supply, or a reset, until it has started up.
    """

    def __init__(
        self,
        timing: Timing,
        configuration: Configuration,
        random: Random,
        tell: Callable[[str], None],
        quirks: Quirks,
    ) -> None:
        self.timing = timing
        self.clock = DeviceClock(timing)
        self.agenda = Agenda(timing)
        self.configuration = configuration
        self.outbox = Outbox(timing, configuration, tell, quirks.keeps)
        self.random = random
        self.tell = tell
        self.quirks = quirks
        self.powered = True

    def now_us(self) -> int:
        """Simulated time: for durations and meters. The clock may be set, this never."""
        return self.timing.now_us()

    def now(self) -> datetime:
        """What the clock of the charge point shows, in whole seconds: for messages."""
        return self.clock.now()

    def at_clock(self, device_us: int, action: Callable[[], None]) -> Timer:
        """Do it when the clock of the charge point shows this time."""
        return self.agenda.at(self.clock.timing_us(device_us), action)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        return self.agenda.at(self.now_us() + round(seconds * SECOND_US), action)
