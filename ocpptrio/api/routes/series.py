"""Series for charts: what was measured over time, a column for each measurand as uPlot takes them.

Steps are even, as the command line has them: energy (the register) and state of charge are those
at the end of a step, the others the mean. When single readings are deleted, steps of a quarter of
an hour stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final

from litestar import get
from litestar.params import FromPath, QueryParameter

from ocpptrio.api.filters import Number, Since, Until, us
from ocpptrio.api.given import Central
from ocpptrio.api.problems import bad_request
from ocpptrio.api.routes.charge_points import known as registered
from ocpptrio.api.routes.transactions import known
from ocpptrio.api.views import View
from ocpptrio.store import connectors, series
from ocpptrio.store.driver import Reader
from ocpptrio.store.series import SeriesPoint

POINTS: Final = series.POINTS - 1  # the ends of a series may need one more
DEFAULT_SPAN_US: Final = 86_400_000_000
CONNECTORS_SHOWN: Final = 16  # of one chart: nobody tells more lines apart
MEASURANDS: Final = tuple(name for name in SeriesPoint.__struct_fields__ if name != "at_us")

Measurands = Annotated[
    str | None,
    QueryParameter(
        name="measurand",
        max_length=200,
        description=f"some of {','.join(MEASURANDS)}; default: all that were measured",
    ),
]
Resolution = Annotated[
    int | None,
    QueryParameter(
        ge=1, le=86_400, description="seconds from point to point; more, if there were too many"
    ),
]
ConnectorId = Annotated[
    int | None,
    QueryParameter(ge=0, le=1000, description="one connector; default: a series for each"),
]


class Series(View, frozen=True, kw_only=True):
    """Points at even steps, at most 2000 of a connector.

    Attributes:
        times: beginnings of the steps, in seconds since 1970.
        series: a column for each measurand; null where it was not measured. Of a charge point
            without a named connector, a column for each connector: `power_w.1`.
    """

    times: list[int]
    series: dict[str, list[float | None]]


@get("/transactions/{transaction_id:int}/series")
async def transaction_series(
    central: Central,
    transaction_id: Number,
    measurands: Measurands = None,
    resolution: Resolution = None,
) -> Series:
    """What was measured in a transaction over time."""
    names = _names(measurands)

    def work(reader: Reader) -> list[SeriesPoint]:
        known(reader, transaction_id)
        return series.of_transaction(reader, transaction_id, step_s=resolution, points=POINTS)

    points = await central.store.read(work)
    return _columns({"": points}, names)


@get("/charge-points/{charge_point_id:str}/series")
async def charge_point_series(
    central: Central,
    charge_point_id: FromPath[str],
    connector_id: ConnectorId = None,
    since: Since = None,
    until: Until = None,
    measurands: Measurands = None,
    resolution: Resolution = None,
) -> Series:
    """What a charge point measured over time, in and out of transactions; default: the last day.

    Without a resolution, steps are of a minute, or longer if there were too many. Without an end it
    goes on to the newest reading, of a charge point whose clock is ahead of ours, too.
    """
    names = _names(measurands)
    since_us, until_us = _span(since, until, central.clock())

    def work(reader: Reader) -> dict[str, list[SeriesPoint]]:
        registered(reader, charge_point_id)
        wanted = {"": connector_id}
        if connector_id is None:
            found = connectors.of(reader, charge_point_id)[:CONNECTORS_SHOWN]
            wanted = {f".{one.connector_id}": one.connector_id for one in found}
        newest = [] if until else _newest(reader, charge_point_id, wanted.values())
        end_us = max([until_us, *newest])
        return {
            suffix: series.of_connector(
                reader,
                charge_point_id,
                one,
                since_us=since_us,
                until_us=end_us,
                step_s=resolution,
                points=POINTS,
            )
            for suffix, one in wanted.items()
            if one is not None
        }

    return _columns(await central.store.read(work), names)


def _newest(reader: Reader, charge_point_id: str, connector_ids: Iterable[int | None]) -> list[int]:
    """Just after the newest reading of each connector that has any."""
    found = (series.newest_us(reader, charge_point_id, one) for one in connector_ids if one)
    return [us + 1 for us in found if us is not None]


def _span(since: datetime | None, until: datetime | None, now_us: int) -> tuple[int, int]:
    until_us = us(until, "until")
    if until_us is None:
        until_us = now_us
    since_us = us(since, "since")
    if since_us is None:
        since_us = until_us - DEFAULT_SPAN_US
    if since_us >= until_us:
        raise bad_request("since must be before until", field="since")
    return since_us, until_us


def _names(measurands: str | None) -> Sequence[str]:
    """Those that are named; none: all."""
    if measurands is None:
        return ()
    names = [name.strip() for name in measurands.split(",")]
    for name in names:
        if name not in MEASURANDS:
            raise bad_request(
                f"{name!r} is no measurand; known are {', '.join(MEASURANDS)}", field="measurand"
            )
    return names


def _columns(found: Mapping[str, Sequence[SeriesPoint]], names: Sequence[str]) -> Series:
    """Points of each connector side by side; what was never measured only if it is named."""
    times = sorted({point.at_us for points in found.values() for point in points})
    columns: dict[str, list[float | None]] = {}
    for suffix, points in found.items():
        by_time = {point.at_us: point for point in points}
        for name in names or MEASURANDS:
            column = [
                None if (point := by_time.get(at_us)) is None else getattr(point, name)
                for at_us in times
            ]
            if names or any(value is not None for value in column):
                columns[name + suffix] = column
    return Series(times=[at_us // series.SECOND_US for at_us in times], series=columns)


ROUTES: Final = [transaction_series, charge_point_series]
