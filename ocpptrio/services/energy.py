"""How much a transaction took, from the registers that are known of it (OCPP 1.6, 4.10; Q44).

Meters are read by many hands: registers that begin anew, that count per transaction in samples but
for ever in StartTransaction and StopTransaction, or that are 0 when a transaction starts. What is
told here is never negative, and None where nothing can be told. Pure: no store, no clock.
"""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from ocpptrio.protocol.core import ReadingContext
from ocpptrio.store.vocabulary import EnergySource, RegisterHabit

# No connector delivers more; what a register shows above it was not charged meanwhile.
MOST_W: Final = 500_000
HOUR_US: Final = 3_600_000_000
# No transaction takes more; registers that were never read have all bits set (2 ** 32 - 1).
MOST_WH: Final = MOST_W * 24 * 31
# Registers are sampled at other moments than transactions start, and sent in whole kWh by some.
NOISE_WH: Final = 1000
SPARE_WH: Final = 5000
# Times the highest power that was sampled, which it may have been above at other moments.
POWER_SPARE: Final = 5
REGISTERS_KEPT: Final = 4  # of one transaction, that a sample may come back to


class Sample(NamedTuple):
    """An import register at a time."""

    at_us: int
    wh: float
    context: str = ReadingContext.SAMPLE_PERIODIC


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the ends of a transaction.

    Attributes:
        meter_start_wh: below 0: not told.
        meter_stop_wh: None: no stop; below 0: not told.
        ended_at_us: None: it runs, or nobody knows.
        before_wh: the register of the connector when the transaction before it stopped.
        before_start_wh: the register when that one started.
        power_w: the highest power that was sampled in it.
        next_start_wh: the register of the connector when the next transaction started.
    """

    started_at_us: int
    meter_start_wh: int
    ended_at_us: int | None = None
    meter_stop_wh: int | None = None
    before_wh: int | None = None
    before_start_wh: int | None = None
    power_w: float | None = None
    next_start_wh: int | None = None


class Energy(msgspec.Struct, frozen=True, kw_only=True):
    """What was charged, and what that says of the charge point's registers."""

    wh: int | None = None
    source: EnergySource | None = None
    shown: frozenset[RegisterHabit] = frozenset()  # habits
    refuted: frozenset[RegisterHabit] = frozenset()


def is_plain(span: Span, first: Sample | None, habits: Collection[str], *, stop_wh: int) -> bool:
    """May stop less start be taken for the energy without a look at the samples?

    Args:
        first: the first sample, as far as it is remembered.
    """
    start_wh = span.meter_start_wh
    if start_wh < 0 or not 0 <= stop_wh - start_wh <= MOST_WH:
        return False
    if first is not None and first.wh < start_wh - NOISE_WH:
        # Otherwise it is new, and worth remembering.
        return RegisterHabit.SAMPLES_PER_TRANSACTION in habits
    if start_wh or not stop_wh:
        return True
    # A start at 0 is worth a look if it was much: the register may be that of a whole life.
    much = stop_wh > SPARE_WH or (first is not None and first.wh > SPARE_WH)
    return not much and RegisterHabit.ZERO_START not in habits


def measure(span: Span, samples: Sequence[Sample], habits: Collection[str]) -> Energy:
    """The energy of a transaction, from the best that is known.

    Stop less start; else the samples, up to that of the context Transaction.End if there is one;
    else the stop less some other base, or alone; else the start of the next transaction.

    Args:
        samples: in order of time; of a monotonic stretch, its ends suffice.
        habits: those that the charge point is known for.
    """
    samples = _until_end(samples)
    base = _base(span, samples, habits)
    at_stop = _at_stop(span, samples)
    if at_stop is not None:
        samples = [*samples, at_stop]
    counted_wh, restarted = (
        counted(Sample(base.at_us, base.wh), samples) if base is not None else (None, False)
    )
    shown, refuted = set(base.shown if base is not None else ()), set()
    if restarted:
        shown.add(RegisterHabit.RESTARTS)
    if (
        RegisterHabit.SAMPLES_PER_TRANSACTION in habits
        and span.meter_start_wh > 0
        and samples
        and samples[-1].wh > _most(samples[-1].at_us - span.started_at_us)
    ):
        refuted.add(RegisterHabit.SAMPLES_PER_TRANSACTION)
    if RegisterHabit.ZERO_START in habits and _is_below_before(span, samples):
        refuted.add(RegisterHabit.ZERO_START)
    wh, source = _best(span, samples, base, counted_wh, habits, shown)
    if at_stop is not None and source is EnergySource.SAMPLES:
        source = EnergySource.STOP_FIELD
    if wh is not None and wh > MOST_WH:
        wh = None
    if wh is None and counted_wh is None and span.next_start_wh is not None:
        taken_wh = span.next_start_wh - span.meter_start_wh
        # Twice 0 are two transactions of a register that begins anew with each.
        if span.meter_start_wh >= 0 and 0 <= taken_wh <= MOST_WH and span.next_start_wh > 0:
            wh, source = taken_wh, EnergySource.NEXT_START
    return Energy(
        wh=None if wh is None else round(wh),
        source=None if wh is None else source,
        shown=frozenset(shown),
        refuted=frozenset(refuted),
    )


def _at_stop(span: Span, samples: Sequence[Sample]) -> Sample | None:
    """The register at the stop, where it continues that of the samples."""
    stop_wh, ended_at_us = span.meter_stop_wh, span.ended_at_us
    if not samples or stop_wh is None or ended_at_us is None:
        return None
    last = samples[-1]
    if (
        last.context == ReadingContext.TRANSACTION_END
        or ended_at_us < last.at_us
        or not last.wh <= stop_wh <= last.wh + _most(ended_at_us - last.at_us)
    ):
        return None
    return Sample(ended_at_us, stop_wh)


class _Base(NamedTuple):
    """Where a register stood at the start."""

    wh: float
    at_us: int
    is_sample: bool  # the first one: what was taken before it is not seen
    shown: frozenset[RegisterHabit] = frozenset()
    zero_start: bool = False


def _best(
    span: Span,
    samples: Sequence[Sample],
    base: _Base | None,
    counted_wh: float | None,
    habits: Collection[str],
    shown: set[RegisterHabit],
) -> tuple[float | None, EnergySource | None]:
    start_wh, stop_wh = span.meter_start_wh, span.meter_stop_wh
    told = stop_wh is not None and stop_wh >= 0
    is_zero_start = _is_zero_start_by_stop(span, samples, base, habits)
    if told and stop_wh is not None and start_wh >= 0 and not is_zero_start:
        taken_wh = stop_wh - start_wh
        if 0 <= taken_wh <= MOST_WH:
            return taken_wh, EnergySource.START_STOP
    if counted_wh is not None and base is not None and (len(samples) > 1 or not base.is_sample):
        if (
            stop_wh is not None
            and 0 <= stop_wh < start_wh - NOISE_WH
            and abs(stop_wh - counted_wh) <= max(NOISE_WH, counted_wh / 50)
        ):
            shown.add(RegisterHabit.STOP_PER_TRANSACTION)
        at_end = samples[-1].context == ReadingContext.TRANSACTION_END
        return counted_wh, (EnergySource.TRANSACTION_SAMPLES if at_end else EnergySource.SAMPLES)
    if not told or stop_wh is None:
        return None, None
    duration_us = 0 if span.ended_at_us is None else span.ended_at_us - span.started_at_us
    if base is not None and base.wh <= stop_wh:
        return stop_wh - base.wh, EnergySource.STOP_FIELD
    if is_zero_start:
        before_wh = span.before_wh
        if before_wh is not None and 0 < before_wh <= stop_wh <= before_wh + _most(duration_us):
            shown.add(RegisterHabit.ZERO_START)
            return stop_wh - before_wh, EnergySource.STOP_FIELD
    elif RegisterHabit.STOP_PER_TRANSACTION in habits and stop_wh <= _most(duration_us):
        return stop_wh, EnergySource.STOP_FIELD
    return None, None


def _base(span: Span, samples: Sequence[Sample], habits: Collection[str]) -> _Base | None:
    """Where the sampled register stood at the start; None without samples."""
    if not samples:
        return None
    first, last = samples[0], samples[-1]
    start_wh, start_us = span.meter_start_wh, span.started_at_us
    as_first = _Base(first.wh, first.at_us, is_sample=True)
    from_zero = _Base(0, start_us, is_sample=False)
    most_wh = _most(first.at_us - start_us)
    if first.wh < start_wh - NOISE_WH:
        if first.wh > most_wh:
            return as_first  # another register altogether
        return from_zero._replace(shown=frozenset({RegisterHabit.SAMPLES_PER_TRANSACTION}))
    if (
        RegisterHabit.SAMPLES_PER_TRANSACTION in habits
        and start_wh != 0
        and first.wh <= most_wh
        and last.wh <= _most(last.at_us - start_us)
    ):
        return from_zero._replace(shown=frozenset({RegisterHabit.SAMPLES_PER_TRANSACTION}))
    if start_wh == 0 and (
        first.wh > _most(first.at_us - start_us, _most_w(span, samples))
        or _goes_on(span, first.wh, first.at_us)
        or (
            RegisterHabit.ZERO_START in habits
            and first.wh > NOISE_WH
            and not _is_below_before(span, samples)
        )
    ):
        zero = as_first
        before_wh = span.before_wh
        if before_wh is not None and 0 < before_wh <= first.wh <= before_wh + most_wh:
            zero = _Base(before_wh, start_us, is_sample=False)
        return zero._replace(shown=frozenset({RegisterHabit.ZERO_START}), zero_start=True)
    if start_wh >= 0 and start_wh <= first.wh <= start_wh + most_wh:
        return _Base(start_wh, start_us, is_sample=False)
    return as_first


def _is_zero_start_by_stop(
    span: Span, samples: Sequence[Sample], base: _Base | None, habits: Collection[str]
) -> bool:
    """Is 0 no register that this stop can be compared with?"""
    if span.meter_start_wh != 0 or not span.meter_stop_wh:
        return False
    if samples:
        return base is not None and base.zero_start
    if RegisterHabit.ZERO_START in habits and not _is_below_before(span, samples):
        return True
    ended_at_us = span.started_at_us if span.ended_at_us is None else span.ended_at_us
    return span.meter_stop_wh > _most(ended_at_us - span.started_at_us) or _goes_on(
        span, span.meter_stop_wh, ended_at_us
    )


def _goes_on(span: Span, wh: float, at_us: int) -> bool:
    """Does a register go on where the transaction before left it, which had not begun at 0?"""
    before_wh, before_start_wh = span.before_wh, span.before_start_wh
    return (
        before_wh is not None
        and before_start_wh is not None
        and NOISE_WH < before_start_wh <= before_wh
        and before_wh <= wh <= before_wh + _most(at_us - span.started_at_us)
    )


def _is_below_before(span: Span, samples: Sequence[Sample]) -> bool:
    """Is the register lower than the transaction before left it: one that began at 0 indeed?"""
    wh = samples[0].wh if samples else span.meter_stop_wh
    return (
        span.meter_start_wh == 0
        and wh is not None
        and wh >= 0
        and span.before_wh is not None
        and wh < span.before_wh - NOISE_WH
    )


def _most_w(span: Span, samples: Sequence[Sample]) -> float:
    """The highest power that there can have been, by what was sampled; never too low a guess.

    Power is believed where the register agrees: some send it in other units than they say.
    """
    if not span.power_w or len(samples) < 2:
        return MOST_W
    fastest_w = max(
        (after.wh - before.wh) * HOUR_US / max(after.at_us - before.at_us, 1)
        for before, after in pairwise(samples)
    )
    if not 0 < fastest_w <= span.power_w * POWER_SPARE:
        return MOST_W
    return min(MOST_W, span.power_w * POWER_SPARE)


class _Register:
    """One of the registers that samples come from: what it counted, and when."""

    __slots__ = ("at_us", "began_anew", "is_new", "since_us", "total_wh", "wh")

    def __init__(self, sample: Sample, total_wh: float = 0.0, *, began_anew: bool = False) -> None:
        self.since_us = self.at_us = sample.at_us
        self.wh = sample.wh
        self.total_wh = total_wh
        self.began_anew = began_anew
        self.is_new = True  # one sample might only look so

    def goes_on_with(self, sample: Sample) -> bool:
        most_wh = _most(sample.at_us - self.at_us)
        return -NOISE_WH <= sample.wh - self.wh <= most_wh

    def see(self, sample: Sample) -> None:
        if sample.wh >= self.wh:  # else it is rounded
            self.total_wh += sample.wh - self.wh
            self.wh = sample.wh
        self.is_new = self.is_new and sample.at_us == self.at_us
        self.at_us = sample.at_us


def is_reachable(wh: float, at_us: int, later_wh: float, later_us: int) -> bool:
    """Can a register come from the one to the other in that time?"""
    return wh - NOISE_WH <= later_wh <= wh + _most(later_us - at_us)


def counted(base: Sample, samples: Sequence[Sample]) -> tuple[float, bool]:
    """What a register counted from its base on, in Wh, and whether it began anew meanwhile.

    Samples may come from several registers by turns (Q43, Q44). Those that count at the same time
    count the same energy; one that begins when the others are done has begun anew.
    """
    registers = [_Register(base)]
    besides: set[_Register] = set()  # of them: from the start on, like the first one
    current = registers[0]
    for sample in samples:
        before = registers[-REGISTERS_KEPT:]
        fitting = [one for one in before if one is not current and one.goes_on_with(sample)]
        if current.goes_on_with(sample) and not (current.is_new and fitting):
            current.see(sample)
        elif fitting:
            current = fitting[-1]
            current.see(sample)
        else:
            # From 0 on, if that can be; else it is another register altogether.
            can_be = sample.wh < current.wh and sample.wh <= _most(sample.at_us - current.at_us)
            # What shows no less than was counted so far may have counted all of it, too.
            if can_be and sample.wh >= current.total_wh > 0:
                current = _Register(sample, sample.wh)
                besides.add(current)
            else:
                current = _Register(sample, sample.wh if can_be else 0.0, began_anew=can_be)
            registers.append(current)
    total_wh, restarted, until_us = 0.0, False, None
    for one in registers:
        if one in besides:
            continue
        if until_us is None or one.since_us > until_us:
            total_wh += one.total_wh
            restarted |= one.began_anew
            until_us = one.at_us
    return max([total_wh, *(one.total_wh for one in besides)]), restarted


def _until_end(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples of the transaction itself, from its begin to its end if these are marked."""
    contexts = [sample.context for sample in samples]
    first, last = 0, len(samples)
    if ReadingContext.TRANSACTION_END in contexts:
        last -= contexts[::-1].index(ReadingContext.TRANSACTION_END)
    if ReadingContext.TRANSACTION_BEGIN in contexts[:last]:
        first = contexts.index(ReadingContext.TRANSACTION_BEGIN)
    return samples[first:last]


def _most(duration_us: int, power_w: float = MOST_W) -> float:
    """The most that can have been charged in that time, in Wh."""
    return SPARE_WH + max(0, duration_us) * power_w / HOUR_US
