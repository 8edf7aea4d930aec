// One transaction: what was charged, its curves, what was concluded of it and why, its readings.

import { html, useMemo, useState } from "../html.js";
import { MOST, address, at, post, usePages, useResource } from "../api.js";
import { Copy, Empty, Facts, Figure, Loading, PageHead, Panel, Time, Trouble, now } from "../components/basics.js";
import { Chart } from "../components/chart.js";
import { CommandDialog } from "../components/command.js";
import { Form, Opens } from "../components/dialog.js";
import { Evidence } from "../components/evidence.js";
import { Field } from "../components/field.js";
import { TransactionMark } from "../components/mark.js";
import { PagedTable } from "../components/table.js";
import { endOf, energyOf } from "../components/transaction.js";
import { duration, forInput, fromInput, kw, kwh, percent, quantity, secondsBetween } from "../format.js";
import { useReload, useStream } from "../live.js";
import { may, tell } from "../state.js";

const SOON_MS = 2000;

export default function Transaction({ params }) {
  const base = at`/transactions/${params.id}`;
  const found = useResource(base);
  const series = useResource(`${base}/series`, { measurand: "power_w,energy_wh,soc_percent,current_a" });
  const readings = usePages(`${base}/readings`, {}, 50);
  const signed = usePages(`${base}/signed-data`);
  const one = found.data;
  const [stopping, setStopping] = useState(false);
  useStream({ chargePointId: one?.charge_point_id }, one ? null : undefined);
  useReload(() => { found.reload(); series.reload(); readings.reload(); signed.reload(); }, (event) => event.transaction_id === Number(params.id), SOON_MS);
  if (!one) {
    return html`<${PageHead} title=${`Transaction ${params.id}`} crumb=${["/transactions", "Transactions"]} />
      ${found.error ? html`<${Trouble} problem=${found.error} retry=${found.reload} />` : html`<section class="panel"><${Loading} lines=${8} /></section>`}`;
  }
  const open = one.state === "open";
  now();
  return html`<${PageHead} title=${`Transaction ${one.transaction_id}`} crumb=${["/transactions", "Transactions"]}>
      ${open && may("operator") && html`<button type="button" class="button" onClick=${() => setStopping(true)}>Stop charging</button>
        <${Opens} word="Declare it over" title=${`Transaction ${one.transaction_id} is over`}>${(close) => html`<${End} base=${base} onDone=${() => { close(); found.reload(); }} onCancel=${close} />`}<//>`}
    <//>
    <div class="stack">
      <section class="figures" aria-label="In numbers">
        <${Figure} lead name="Energy" value=${kwh(energyOf(one)).replace(" kWh", "")} unit="kWh" detail=${open ? "so far" : one.energy_source ? `from ${one.energy_source}` : "cannot be told"} />
        <${Figure} small name="State" value=${html`<${TransactionMark} transaction=${one} />`} detail=${one.stop_reason ?? ""} />
        <${Figure} name="For" value=${open || endOf(one) ? duration(secondsBetween(one.started_at, endOf(one))) : "–"} detail=${html`<${Time} at=${one.started_at} />`} />
        <${Figure} small name="Where" value=${html`<a href=${at`/charge-points/${one.charge_point_id}`}>${one.charge_point_id}</a>`} detail=${`connector ${one.connector_id}`} />
      </section>
      <${Curves} series=${series} />
      <div class="panels">
        <${Panel} title="What is known"><${Facts} of=${[
          ["idTag", html`<code>${one.id_tag}</code>`], ["Group of tags", one.parent_id_tag], ["Answered", [one.authorization_status, one.authorization_reason].filter(Boolean).join(": ")],
          ["Started", html`<${Time} at=${one.started_at} as="full" />`], ["Meter at start", kwh(one.meter_start_wh)],
          ["Stopped", one.stopped_at && html`<${Time} at=${one.stopped_at} as="full" />`], ["Meter at stop", one.meter_stop_wh != null && kwh(one.meter_stop_wh)],
          ["Reason", one.stop_reason], ["Stopped by", one.stop_id_tag], ["Concluded", one.concluded_at && html`<${Time} at=${one.concluded_at} as="full" />`],
          ["Superseded by", one.superseded_by && html`<a href=${`/transactions/${one.superseded_by}`}>${one.superseded_by}</a>`],
          ["Perhaps over since", one.suspect_since && html`<${Time} at=${one.suspect_since} as="full" />`], ["Reservation", one.reservation_id],
          ["Odd", one.odd?.length > 0 && html`<ul class="stack tight">${one.odd.map(({ flag, meaning }) => html`<li key=${flag}><span class="chip warn">${flag}</span> <small>${meaning}</small></li>`)}</ul>`],
          ["Asked for", one.commands?.length > 0 && one.commands.map((each) => `${each.action} (${each.state}${each.requested_by ? `, ${each.requested_by}` : ""})`).join(", ")],
          ["To decide", one.reviews?.some((each) => !each.resolved_at) && one.reviews.filter((each) => !each.resolved_at).map((each) => html`<a key=${each.review_id} href=${`/transactions/reviews/${each.review_id}`}>${each.kind}</a> `)],
        ]} /><//>
        ${one.conclusions?.length > 0 && html`<${Panel} title="What was concluded"><ul class="stack">${one.conclusions.map((each) => html`<li key=${`${each.at} ${each.conclusion}`} class="stack tight">
          <span><strong>${each.conclusion}</strong> <span class="soft">(${each.confidence}), <${Time} at=${each.at} /></span></span><${Evidence} facts=${each.evidence} /></li>`)}</ul><//>`}
      </div>
      ${signed.items.length > 0 && html`<${Signed} list=${signed} base=${base} id=${one.transaction_id} />`}
      <${PagedTable} list=${readings} title="Readings" noun="reading" caption="Readings" rowKey=${(each, place) => place} columns=${[
        { head: "Measured", cell: (each) => html`<${Time} at=${each.measured_at} />` },
        { head: "Register", num: true, cell: (each) => kwh(each.energy_wh) }, { head: "Power", num: true, cell: (each) => kw(each.power_w) },
        { head: "Current", num: true, wide: true, cell: (each) => quantity(each.current_a, "A", 1) },
        { head: "Voltage", num: true, wide: true, cell: (each) => quantity(each.voltage_v, "V", 0) },
        { head: "Charge", num: true, wide: true, cell: (each) => percent(each.soc_percent) }, { head: "Context", wide: true, cell: (each) => each.context },
      ]} empty=${html`<${Empty} title="No reading was sent"><p>The charge point measures while it charges if MeterValueSampleInterval is above 0 and MeterValuesSampledData names what to measure.</p><//>`} />
    </div>
    ${stopping && html`<${CommandDialog} cp=${{ charge_point_id: one.charge_point_id, connectors: [], transactions: [], connected: true }} action="RemoteStopTransaction"
      title=${`Stop transaction ${one.transaction_id}`} request=${{ transactionId: one.transaction_id }} immediate onClose=${() => setStopping(false)} />`}`;
}

/** What the meter signed, to be checked with the software of its maker: exactly as it was sent. */
function Signed({ list, base, id }) {
  return html`<${PagedTable} list=${list} title="Signed meter data" noun="value" caption="Signed meter data" rowKey=${(each, place) => place}
    actions=${html`<a class="button small" href=${address(`${base}/signed-data`, { limit: MOST })} download=${`transaction-${id}-signed.json`}>Download</a>`} columns=${[
    { head: "Measured", cell: (each) => html`<${Time} at=${each.measured_at} />` }, { head: "Context", cell: (each) => each.context },
    { head: "Measurand", wide: true, cell: (each) => each.measurand ?? "" }, { head: "Value", cell: (each) => html`<${Copy} text=${each.value} short />` },
  ]} />`;
}

function Curves({ series }) {
  const lines = useMemo(() => curves(series.data), [series.data]);
  if (series.error) return html`<${Trouble} problem=${series.error} retry=${series.reload} />`;
  return html`<${Panel} title="Curves">${lines.length > 0
    ? html`<${Chart} label="Curves of the transaction" times=${series.data.times} lines=${lines} height=${280} />`
    : html`<div class="chart-empty">${series.loading ? "Loading" : "No meter value belongs to it."}</div>`}<//>`;
}

function curves(data) {
  if (!data?.times?.length) return [];
  const { power_w: power = [], energy_wh: energy = [], soc_percent: soc = [] } = data.series;
  const has = (values) => values.some((value) => value != null);
  const first = energy.find((value) => value != null) ?? 0;
  const lines = [];
  if (has(power)) lines.push({ label: "Power", unit: "kW", values: power.map((w) => (w == null ? null : w / 1000)), fill: true, tone: "--accent" });
  if (has(soc)) lines.push({ label: "Charge", unit: "%", values: soc, axis: "right", decimals: 0, tone: "--warn", dash: [6, 4] });
  else if (has(energy)) lines.push({ label: "Energy", unit: "kWh", values: energy.map((wh) => (wh == null ? null : (wh - first) / 1000)), axis: "right", tone: "--ink-soft", dash: [6, 4] });
  return lines;
}

function End({ base, onDone, onCancel }) {
  return html`<p class="soft">For one whose stop will not come. Without a meter value it ends with its last reading. A stop that comes after all still counts.</p>
    <${Form} submit="It is over" onCancel=${onCancel} onSubmit=${async (data) => {
      const body = {};
      if (data.get("at")) body.at = fromInput(data.get("at"));
      if (data.get("meter_kwh")) body.meter_wh = Math.round(Number(data.get("meter_kwh")) * 1000);
      if (data.get("note")) body.note = data.get("note");
      await post(`${base}/end`, body);
      tell("It is over");
      onDone();
    }}>
      <${Field} label="When (optional)" name="at" type="datetime-local" max=${forInput(new Date())} />
      <${Field} label="Meter at the end in kWh (optional)" name="meter_kwh" type="number" step="0.001" min="0" />
      <${Field} label="Who decides, and why (optional)" name="note" />
    <//>`;
}
