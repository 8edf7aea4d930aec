"""Registration with the central system, and what keeps it alive: boots, clock, heartbeats.

OCPP 1.6, 4.2 and 4.6. Not here: connections (link), what a boot sets off elsewhere (charge_point).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from ocpptrio.clock import to_us
from ocpptrio.errors import CallFailed, NotConnected
from ocpptrio.protocol.core import (
    BootNotification,
    BootNotificationResponse,
    Heartbeat,
    HeartbeatResponse,
    RegistrationStatus,
)
from ocpptrio.simulator.device import Device
from ocpptrio.simulator.timing import DAY_US, SECOND_US, Timer

# Simulated seconds until a boot that was not answered, or without an interval, is repeated
BOOT_RETRY_S: Final = 60
# A clock that is off by less is left alone: currentTime comes in whole seconds, and late.
CLOCK_TOLERANCE_US: Final = 3 * SECOND_US

Call = Callable[..., Awaitable[Any]]
"""`Link.call`; Any: the response that belongs to the request."""


class Registration:
    """See the module.

    Args:
        boot: makes the BootNotification to send.
        keep_away: closes the connection for so many simulated seconds.
        on_open: called when messages can be sent again; with True after an accepted boot.
        on_clock_set: called when currentTime has set the clock, with by how many microseconds.

    Attributes:
        status: None until a boot is answered, and again after a restart.
    """

    def __init__(
        self,
        device: Device,
        call: Call,
        boot: Callable[[], BootNotification],
        *,
        keep_away: Callable[[float, str], None],
        on_open: Callable[[bool], None],
        on_clock_set: Callable[[int], None],
    ) -> None:
        self._device = device
        self._call = call
        self._boot_notification = boot
        self._keep_away = keep_away
        self._on_open = on_open
        self._on_clock_set = on_clock_set
        self.status: RegistrationStatus | None = None
        self._opened = trio.Event()
        self._fresh = False  # booted, and nothing reported since
        self._boot_due_us = 0
        self._boot_now = trio.Event()
        self._clock_is_set = False
        self._last_sent_us = self._last_time_us = device.now_us()
        self._heartbeat: Timer | None = None

    @property
    def accepted(self) -> bool:
        return self.status is RegistrationStatus.ACCEPTED

    async def wait_open(self) -> None:
        """Until messages can be sent: accepted, and connected."""
        await self._opened.wait()

    async def run(self) -> None:
        """Boot if that is due, then let the outbox send, over one connection.

        Raises:
            NotConnected: the connection ended.
        """
        try:
            while True:
                while not self.accepted:
                    wait_us = self._boot_due_us - self._device.now_us()
                    with self._device.timing.move_on_after(wait_us / SECOND_US):
                        await self._boot_now.wait()
                    self._boot_now = trio.Event()
                    await self._boot()
                await self._device.outbox.run(self._call, self._open)
        finally:
            self._close()

    def forget(self, wait_s: float) -> None:
        """Boot before anything else is sent, but not before so many simulated seconds.

        For a restart, and when told that we are unknown.
        """
        self.status = None
        self._close()
        self._boot_in(wait_s)
        self._device.outbox.stop()

    async def boot_again(self) -> None:
        """Send a BootNotification because it was asked for."""
        if self.accepted:
            await self._boot()
        else:
            self._boot_now.set()

    def _open(self) -> None:
        fresh, self._fresh = self._fresh, False
        self._opened.set()
        self._on_open(fresh)

    def _close(self) -> None:
        if self._opened.is_set():  # else somebody may be waiting for it
            self._opened = trio.Event()

    async def _boot(self) -> None:
        was_accepted = self.accepted
        try:
            response: BootNotificationResponse = await self._call(self._boot_notification())
        except NotConnected:
            raise
        except CallFailed:
            self._boot_in(BOOT_RETRY_S)
            return
        device = self._device
        device.tell(f"registration: {response.status}")
        self.status = response.status
        self._set_clock(response)
        if self.accepted:
            self._fresh = True
            if response.interval > 0:
                device.configuration.set("HeartbeatInterval", str(response.interval))
                self.heartbeat_interval_changed()
            if was_accepted:
                self._open()
            return
        self._close()
        device.outbox.stop()
        wait_s = response.interval if response.interval > 0 else BOOT_RETRY_S
        self._boot_in(wait_s)
        if response.status is RegistrationStatus.REJECTED:
            # Silent until the interval is over (OCPP 1.6, 4.2): that is surest offline.
            self._keep_away(wait_s, "rejected")

    def _boot_in(self, seconds: float) -> None:
        self._boot_due_us = self._device.now_us() + round(seconds * SECOND_US)

    def _set_clock(self, response: BootNotificationResponse | HeartbeatResponse) -> None:
        device = self._device
        self._last_time_us = device.now_us()
        if self._clock_is_set and device.timing.scale != 1:
            return  # ours runs faster than theirs
        self._clock_is_set = True
        by_us = to_us(response.current_time) - device.clock.now_us()
        if abs(by_us) > CLOCK_TOLERANCE_US:
            device.clock.offset_us += by_us
            self._on_clock_set(by_us)

    # Heartbeats.

    def message_sent(self) -> None:
        """Anything that is sent makes a heartbeat superfluous."""
        self._last_sent_us = self._device.now_us()

    def heartbeat_interval_changed(self) -> None:
        """Also to be called once at the start."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._heartbeat_if_due()

    def _heartbeat_if_due(self) -> None:
        """Only if nothing else was sent for so long (OCPP 1.6, 4.6); but once a day at least."""
        device = self._device
        interval_us = device.configuration.number("HeartbeatInterval") * SECOND_US
        now_us = device.now_us()
        due_us = self._last_sent_us + interval_us
        if interval_us and (now_us >= due_us or now_us - self._last_time_us >= DAY_US):
            device.outbox.notify(Heartbeat(), self._set_clock)
            due_us = now_us + interval_us
        self._heartbeat = device.agenda.at(
            due_us if interval_us else now_us + DAY_US, self._heartbeat_if_due
        )
