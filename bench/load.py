"""Load generator: plays any number of charge points against any central system for OCPP 1.6J.

    python bench/load.py heartbeat --url ws://127.0.0.1:8080/ocpp/{id} -n 50 -d 10

heartbeat   each sends Heartbeats, the next as soon as one is answered
session     the same with whole sessions: Boot, Status, Authorize, Start, 10 MeterValues, Stop
paced       one Heartbeat per charge point and --period, however long the answers take
storm       all connect at once and boot (with --concurrency as large as -n); --known: after they
            have been there before and left
idle        all connect, boot and fall silent; needs --pid to see the memory of the server

Each reply is checked; any that is wrong, missing or doubled is an error, as is a lost connection.
The result is one JSON object; exit status 1 if there were errors. With --pid it tells what the
server used: on a busy machine compare msg_per_cpu_s rather than msg_per_s. In paced, latency counts
from when a message was due, so a server that stalls is charged for the queue.
"""

# flake8: noqa: ASYNC910, ASYNC911  # checkpoints are a notion of Trio; this runs on asyncio

import argparse
import asyncio
import gc
import json
import resource
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import process
from charge_point import BOOT, ChargePoint, Script, Tally, clock, heartbeats, sessions
from link import connect, run

Result = dict[str, Any]  # Any: numbers and nested objects, for JSON

ANSWERS_WAIT_S = 10  # for the answers still outstanding at the end
CLOSING_S = 0.3  # for closing handshakes, which nobody measures
SETTLED_S = 1.0  # between the warm-up and the first look at the memory
WARM_UP_CONNECTIONS = 20
GENTLE = 50  # connections opened at a time where their speed does not matter


class Options(argparse.Namespace):
    mode: str
    url: str
    n: int
    duration: float
    warmup: float
    period: float
    samples: int
    concurrency: int
    timeout: float
    settle: float
    known: bool
    prefix: str
    id_tag: str
    password: str | None
    pid: int | None
    cafile: str | None
    cert: str | None
    key: str | None
    insecure: bool
    out: Path | None


class Usage:
    """CPU time of the server and of ourselves, from when it is made; in s per s."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._server = process.cpu_s(pid) if pid else 0.0
        self._own = time.process_time()
        self._started = clock()

    def elapsed_s(self) -> float:
        return clock() - self._started

    def server_s(self) -> float | None:
        return process.cpu_s(self._pid) - self._server if self._pid else None

    def own_s(self) -> float:
        return time.process_time() - self._own


class Fleet:
    """The charge points of one run."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.tally = Tally()
        self.charge_points: list[ChargePoint] = []
        self._ssl_context = _ssl_context(options)

    async def connect_all(
        self,
        count: int,
        *,
        concurrency: int | None = None,
        script: Callable[[str], Script] | None = None,
        boot: bool = True,
        times_s: list[tuple[float, float]] | None = None,
    ) -> None:
        """Open `count` connections; `times_s` gets how long each took, to open and to be booted."""
        slots = asyncio.Semaphore(concurrency or self.options.concurrency)

        async def one(number: int) -> None:
            async with slots:
                started = clock()
                charge_point = await self._connect(number, script)
                if charge_point is None:
                    return
                opened_s = clock() - started
                self.charge_points.append(charge_point)
                if boot:
                    reply = await charge_point.ask("BootNotification", BOOT, self.options.timeout)
                    if times_s is not None and reply is not None:
                        times_s.append((opened_s, clock() - started))

        await asyncio.gather(*(one(number) for number in range(count)))

    async def _connect(
        self, number: int, script: Callable[[str], Script] | None
    ) -> ChargePoint | None:
        options = self.options
        charge_point_id = f"{options.prefix}{number:05d}"
        login = None
        if options.password is not None:
            login = (charge_point_id, options.password.replace("{id}", charge_point_id))
        charge_point = ChargePoint(
            charge_point_id, self.tally, script(charge_point_id) if script else None
        )
        try:
            charge_point.link = await connect(
                options.url.replace("{id}", charge_point_id),
                charge_point.on_text,
                charge_point.on_end,
                login=login,
                ssl_context=self._ssl_context,
                timeout_s=options.timeout,
            )
        except (OSError, TimeoutError) as error:
            self.tally.error("cannot connect", f"{charge_point_id} {error!r}")
            return None
        if charge_point.link.subprotocol != "ocpp1.6":
            self.tally.error("wrong subprotocol", repr(charge_point.link.subprotocol))
        return charge_point

    async def wait_answered(self) -> None:
        """Wait for the last answers; those that do not come are errors."""
        self.tally.stopping = True
        deadline = clock() + ANSWERS_WAIT_S
        while missing := sum(charge_point.waits for charge_point in self.charge_points):
            if clock() > deadline:
                self.tally.error("no reply", f"{missing} CALLs after {ANSWERS_WAIT_S} s")
                return
            await asyncio.sleep(0.1)

    async def close_all(self) -> None:
        for charge_point in self.charge_points:
            charge_point.close()
        await asyncio.sleep(CLOSING_S)
        for charge_point in self.charge_points:
            charge_point.link.cut()
        self.charge_points = []


# The modes.


async def closed_loop(fleet: Fleet) -> Result:
    """heartbeat and session: one outstanding CALL per charge point, the next at once."""
    options, tally = fleet.options, fleet.tally

    def charging(charge_point_id: str) -> Script:
        id_tag = options.id_tag.replace("{id}", charge_point_id)
        return sessions(id_tag, options.samples, count_session)

    def count_session() -> None:
        tally.sessions += tally.measuring

    is_session = options.mode == "session"
    await fleet.connect_all(
        options.n,
        script=charging if is_session else lambda _: heartbeats(),
        boot=not is_session,
    )
    _no_gc()
    for charge_point in fleet.charge_points:
        charge_point.run_script()
    await asyncio.sleep(options.warmup)
    usage = Usage(options.pid)
    tally.start()
    await asyncio.sleep(options.duration)
    tally.measuring = False
    seconds, server_s, own_s = usage.elapsed_s(), usage.server_s(), usage.own_s()
    messages = len(tally.latencies_s)
    result: Result = {
        "seconds": round(seconds, 3),
        "messages": messages,
        "msg_per_s": round(messages / seconds, 1),
        "latency_ms": quantiles_ms(tally.latencies_s),
        "load_cpu": round(own_s / seconds, 3),
    }
    if is_session:
        result["sessions_per_s"] = round(tally.sessions / seconds, 2)
        result["by_action"] = dict(tally.by_action)
    if server_s is not None and options.pid is not None:
        result["server_cpu"] = round(server_s / seconds, 3)
        result["msg_per_cpu_s"] = round(messages / server_s, 1) if server_s else None
        result["server_rss_mb"] = round(process.memory(options.pid).rss / 1e6, 1)
    await fleet.wait_answered()
    await fleet.close_all()
    return result


async def paced(fleet: Fleet) -> Result:
    options, tally = fleet.options, fleet.tally
    await fleet.connect_all(options.n)
    charge_points = fleet.charge_points
    if not charge_points:
        return {}
    _no_gc()
    step_s = options.period / len(charge_points)
    total = int(options.duration / step_s)
    usage = Usage(options.pid)
    started = clock()
    tally.start()
    sent = overdue = 0
    while sent < total:
        now_s = clock() - started
        while sent < total and sent * step_s <= now_s:
            charge_point = charge_points[sent % len(charge_points)]
            if charge_point.waits:
                overdue += 1
            else:
                charge_point.call("Heartbeat", "{}", due=started + sent * step_s)
            sent += 1
        await asyncio.sleep(max(0.0005, sent * step_s - (clock() - started)))
    server_s, seconds, own_s = usage.server_s(), usage.elapsed_s(), usage.own_s()
    await fleet.wait_answered()
    tally.measuring = False
    if overdue:
        tally.error("overdue", f"{overdue} CALLs not sent: the one before was not answered yet")
    result: Result = {
        "offered_per_s": round(len(charge_points) / options.period, 1),
        "messages": len(tally.latencies_s),
        "latency_ms": quantiles_ms(tally.latencies_s),
        "load_cpu": round(own_s / seconds, 3),
    }
    if server_s is not None:
        result["server_cpu"] = round(server_s / seconds, 3)
    await fleet.close_all()
    return result


async def storm(fleet: Fleet) -> Result:
    options = fleet.options
    times_s: list[tuple[float, float]] = []
    if options.known:
        await fleet.connect_all(options.n, concurrency=GENTLE)
        await fleet.close_all()
        await asyncio.sleep(options.settle)
    usage = Usage(options.pid)
    await fleet.connect_all(options.n, times_s=times_s)
    seconds, server_s = usage.elapsed_s(), usage.server_s()
    result: Result = {
        "seconds": round(seconds, 3),
        "accepted": len(times_s),
        "per_s": round(len(times_s) / seconds, 1),
        "connect_ms": quantiles_ms([opened for opened, _ in times_s]),
        "connect_and_boot_ms": quantiles_ms([booted for _, booted in times_s]),
    }
    if server_s is not None:
        result["server_cpu_s"] = round(server_s, 3)
        result["server_cpu_ms_each"] = round(1e3 * server_s / max(1, len(times_s)), 3)
    await fleet.close_all()
    return result


async def idle(fleet: Fleet) -> Result:
    options = fleet.options
    if options.pid is None:
        sys.exit("idle needs --pid: it looks at the memory of the server")
    await fleet.connect_all(WARM_UP_CONNECTIONS)  # pays for what is loaded at first use
    await fleet.close_all()
    await asyncio.sleep(SETTLED_S)
    before = process.memory(options.pid)
    await fleet.connect_all(options.n)
    await asyncio.sleep(options.settle)
    after = process.memory(options.pid)
    usage = Usage(options.pid)
    await asyncio.sleep(options.settle)
    connections = max(1, len(fleet.charge_points))
    result: Result = {
        "connections": len(fleet.charge_points),
        "rss_before_mb": round(before.rss / 1e6, 1),
        "rss_after_mb": round(after.rss / 1e6, 1),
        "rss_kb_each": round((after.rss - before.rss) / 1e3 / connections, 2),
        "pss_kb_each": round((after.pss - before.pss) / 1e3 / connections, 2),
        "server_cpu": round((usage.server_s() or 0) / usage.elapsed_s(), 4),
    }
    await fleet.close_all()
    return result


MODES = {
    "heartbeat": closed_loop,
    "session": closed_loop,
    "paced": paced,
    "storm": storm,
    "idle": idle,
}


def quantiles_ms(seconds: list[float]) -> dict[str, float] | None:
    """Median and tail of durations, in ms; None if there are none."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    result = {
        name: ordered[min(len(ordered) - 1, int(len(ordered) * part))]
        for name, part in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1))
    }
    result["mean"] = sum(ordered) / len(ordered)
    return {name: round(value * 1e3, 3) for name, value in result.items()}


def raise_file_limit() -> None:
    """As many open files as the system lets us have; child processes inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _no_gc() -> None:
    """Our own pauses are not to be seen as the server's; a run is short enough to do without."""
    gc.collect()
    gc.disable()


def _ssl_context(options: Options) -> ssl.SSLContext | None:
    if not options.url.startswith("wss"):
        return None
    context = ssl.create_default_context(cafile=options.cafile)
    if options.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if options.cert is not None:
        context.load_cert_chain(options.cert, options.key)
    return context


async def main(options: Options) -> int:
    fleet = Fleet(options)
    measured = await MODES[options.mode](fleet)
    tally = fleet.tally
    result: Result = {
        "mode": options.mode,
        "n": options.n,
        **measured,
        "errors": tally.errors.total(),
    }
    if tally.errors:
        result |= {"error_kinds": dict(tally.errors), "error_samples": tally.error_samples}
    if tally.calls_received:
        result["calls_received"] = dict(tally.calls_received)
    text = json.dumps(result)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")
    return 1 if tally.errors else 0


def _options() -> Options:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=list(MODES))
    parser.add_argument("--url", required=True, help="with {id} where the identity goes")
    parser.add_argument("-n", type=int, default=50, help="charge points")
    parser.add_argument("-d", "--duration", type=float, default=10, help="s measured")
    parser.add_argument("--warmup", type=float, default=2, help="s before that")
    parser.add_argument("--period", type=float, default=5, help="s, for paced")
    parser.add_argument("--samples", type=int, default=10, help="MeterValues a session")
    parser.add_argument("--concurrency", type=int, default=100, help="connections opened at a time")
    parser.add_argument("--timeout", type=float, default=30, help="s for handshake and boot")
    parser.add_argument(
        "--settle", type=float, default=3, help="s of silence, for idle and --known"
    )
    parser.add_argument("--known", action="store_true", help="storm of those that come back")
    parser.add_argument("--prefix", default="CP", help="of the identities")
    parser.add_argument("--id-tag", default="TAG1", help="{id} is replaced")
    parser.add_argument("--password", help="for Basic authentication; {id} is replaced")
    parser.add_argument("--pid", type=int, help="process id of the server")
    parser.add_argument("--cafile", help="certificate authority of a wss:// server")
    parser.add_argument("--cert", help="own certificate")
    parser.add_argument("--key", help="of the own certificate")
    parser.add_argument("--insecure", action="store_true", help="take any certificate")
    parser.add_argument("--out", type=Path, help="file for the result, too")
    return parser.parse_args(namespace=Options())


if __name__ == "__main__":
    raise_file_limit()
    sys.exit(run(main(_options())))
