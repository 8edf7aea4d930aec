"""How often something came up within the last minute, by key: for limits on who tries too often."""

from collections import OrderedDict
from typing import Final

MINUTE_US: Final = 60_000_000
KEYS_KEPT: Final = 1000  # whoever invents keys must not fill the memory


class PerMinute:
    """See the module. Bounded: the key that came up longest ago is forgotten."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, list[int]] = OrderedDict()

    def now(self, key: str, at_us: int) -> int:
        """How often it came up in the minute before that time (microseconds since 1970)."""
        times = [time_us for time_us in self._times.get(key, ()) if time_us > at_us - MINUTE_US]
        if key in self._times:
            self._times[key] = times
        return len(times)

    def take_back(self, key: str) -> None:
        """The last one did not count after all."""
        if times := self._times.get(key):
            times.pop()

    def count(self, key: str, at_us: int) -> int:
        """Count one more."""
        number = self.now(key, at_us) + 1
        self._times.setdefault(key, []).append(at_us)
        self._times.move_to_end(key)
        if len(self._times) > KEYS_KEPT:
            self._times.popitem(last=False)
        return number
