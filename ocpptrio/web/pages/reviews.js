// What waits for a person: transactions and stops that the messages do not settle, with evidence and decisions.

import { html, useState } from "../html.js";
import { at, post, usePages, useResource } from "../api.js";
import { Empty, Facts, Loading, PageHead, Segments, Time, Trouble } from "../components/basics.js";
import { pretty } from "../components/command.js";
import { Dialog, Form } from "../components/dialog.js";
import { Evidence } from "../components/evidence.js";
import { Field } from "../components/field.js";
import { refreshOverview } from "../components/shell.js";
import { PagedTable } from "../components/table.js";
import { forInput, fromInput, kwh, moment } from "../format.js";
import { useReload, useStream } from "../live.js";
import { navigate, refine } from "../router.js";
import { may, tell } from "../state.js";

const ABOUT = {
  "orphan stop": "A stop that fits no transaction, or several",
  suspect: "Perhaps over since a reboot",
  "energy unknown": "Over, but no register tells what it took",
  "values after end": "Meter values came after it was concluded",
};

const DECISIONS = {
  attach: ["Attach", "The stop ends a transaction that you name."],
  end: ["End", "The transaction is over, with what you know, else with its last reading."],
  dismiss: ["Dismiss", "Leave all as it is; it does not come again."],
};

export default function Reviews({ params, query }) {
  const resolved = query.get("resolved") === "true";
  const list = usePages("/reviews", { resolved, charge_point_id: query.get("charge_point_id") });
  useStream({ kinds: ["ReviewOpened", "ReviewResolved"] }, null);
  useReload(list.reload, (one) => one.kind.startsWith("Review"));
  return html`<${PageHead} title="To decide" crumb=${["/transactions", "Transactions"]} lead="What the messages of a charge point do not settle waits here for a person. What later messages settle goes by itself.">
      <${Segments} label="Which" value=${String(resolved)} options=${[["false", "Waiting"], ["true", "Decided"]]} onChange=${(value) => refine({ resolved: value === "true" ? "true" : null })} /><//>
    <${PagedTable} list=${list} noun="entry" caption="To decide" rowKey=${(one) => one.review_id} columns=${[
      { head: "About", cell: (one) => html`<strong>${ABOUT[one.kind] ?? one.kind}</strong><br /><small>since <${Time} at=${one.since} /></small>` },
      { head: "Charge point", cell: (one) => html`<a href=${at`/charge-points/${one.charge_point_id}`}>${one.charge_point_id}</a>` },
      { head: "Transaction", wide: true, cell: (one) => (one.transaction_id ? html`<a href=${`/transactions/${one.transaction_id}`}>${one.transaction_id}</a>` : "none") },
      { head: "Evidence", wide: true, cell: (one) => html`<${Evidence} facts=${one.evidence} />` },
      ...(resolved ? [{ head: "Decided", cell: (one) => html`${one.decision}<br /><small><${Time} at=${one.resolved_at} /> ${one.note ?? ""}</small>` }] : []),
      { head: "Decide", actions: true, cell: (one) => html`<a class="button small" href=${`/transactions/reviews/${one.review_id}`}>${!resolved && may("operator") ? "Decide" : "Look"}</a>` },
    ]} empty=${html`<${Empty} title=${resolved ? "Nothing was decided yet" : "Nothing waits for you"}><p>Lost stops, reboots in the middle of a charge and odd meters are settled by themselves where the messages prove what happened.</p><//>`} />
    ${params.review && html`<${Review} id=${params.review} onClose=${() => navigate("/transactions/reviews" + location.search)} onDone=${() => { list.reload(); refreshOverview(); }} />`}`;
}

function Review({ id, onClose, onDone }) {
  const found = useResource(at`/reviews/${id}`);
  const review = found.data;
  return html`<${Dialog} title=${review ? `To decide: ${review.transaction_id ? `transaction ${review.transaction_id}` : `a stop of ${review.charge_point_id}`}` : "To decide"} large onClose=${onClose}>
    <${Trouble} problem=${found.error} />
    ${!review ? !found.error && html`<${Loading} />` : html`
      <p><strong>${ABOUT[review.kind] ?? review.kind}</strong>, <a href=${at`/charge-points/${review.charge_point_id}`}>${review.charge_point_id}</a>${review.transaction_id && html`, <a href=${`/transactions/${review.transaction_id}`}>transaction ${review.transaction_id}</a>`}, since <${Time} at=${review.since} /></p>
      <${Evidence} facts=${review.evidence} />
      ${review.orphan_stop && html`<${OrphanStop} of=${review.orphan_stop} />`}
      ${review.resolved_at ? html`<p>Decided: <strong>${review.decision}</strong>, <${Time} at=${review.resolved_at} />. ${review.note ?? ""}</p>`
        : may("operator") ? html`<${Decide} review=${review} fitting=${review.fitting_transactions} onClose=${onClose} onDone=${onDone} />`
        : html`<p class="soft">Deciding needs the role operator.</p>`}`}
  <//>`;
}

/** The stop as it came. */
function OrphanStop({ of: stop }) {
  return html`<${Facts} of=${[
    ["Sent for transaction", String(stop.transaction_id)], ["Stopped", html`<${Time} at=${stop.stopped_at} as="full" />`], ["Received", html`<${Time} at=${stop.received_at} as="full" />`],
    ["Meter at stop", kwh(stop.meter_stop_wh)], ["Reason", stop.reason], ["idTag", stop.id_tag && html`<code>${stop.id_tag}</code>`],
    ["Ended transaction", stop.stopped_transaction_id != null && html`<a href=${`/transactions/${stop.stopped_transaction_id}`}>${stop.stopped_transaction_id}</a>`],
  ]} /><details><summary>As it was sent</summary><pre class="secret" tabindex="0">${pretty(stop.payload)}</pre></details>`;
}

function Decide({ review, fitting, onClose, onDone }) {
  const choices = review.decisions.map((name) => [name, ...DECISIONS[name]]);
  const [decision, setDecision] = useState(choices[0][0]);
  async function decide(data) {
    const body = { decision };
    if (decision === "attach") body.transaction_id = Number(data.get("transaction_id"));
    if (decision === "end") {
      if (data.get("meter_kwh")) body.meter_wh = Math.round(Number(data.get("meter_kwh")) * 1000);
      if (data.get("energy_kwh")) body.energy_wh = Math.round(Number(data.get("energy_kwh")) * 1000);
      if (data.get("ended_at")) body.at = fromInput(data.get("ended_at"));
    }
    if (data.get("note")) body.note = data.get("note");
    await post(at`/reviews/${review.review_id}/resolve`, body);
    tell("Decided");
    onDone();
    onClose();
  }
  return html`<${Form} submit="Decide" onSubmit=${decide} onCancel=${onClose}>
    <fieldset class="choices"><legend>Decision</legend>${choices.map(([name, word, hint]) => html`<label key=${name} class="choice"><input type="radio" name="decision" value=${name} checked=${decision === name} onChange=${() => setDecision(name)} /><span><strong>${word}</strong><small>${hint}</small></span></label>`)}</fieldset>
    ${decision === "attach" && (fitting.length > 0
      ? html`<${Field} label="Transaction" name="transaction_id" options=${fitting.map((one) => [String(one.transaction_id), `${one.transaction_id}: connector ${one.connector_id}, ${one.id_tag}, started ${moment(one.started_at)} at ${kwh(one.meter_start_wh)}`])} />`
      : html`<${Field} label="Number of the transaction" name="transaction_id" type="number" min="1" required hint="None without a stop fits by its meter and time." />`)}
    ${decision === "end" && html`<div class="fields two">
      <${Field} label="Meter at the end in kWh (optional)" name="meter_kwh" type="number" step="0.001" min="0" />
      <${Field} label="Or energy in kWh (optional)" name="energy_kwh" type="number" step="0.001" min="0" />
      <${Field} label="When (optional)" name="ended_at" type="datetime-local" max=${forInput(new Date())} /></div>`}
    <${Field} label="Who decides, and why (optional)" name="note" />
  <//>`;
}
