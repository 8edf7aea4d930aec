// Webhooks: addresses that are told of events; whether they listen, and how they catch up.

import { html, useState } from "../html.js";
import { at, patch, post, remove, usePages, useResource } from "../api.js";
import { Empty, Facts, Loading, PageHead, Segments, Time, Trouble } from "../components/basics.js";
import { Act, Confirm, Dialog, Form, Once } from "../components/dialog.js";
import { Field } from "../components/field.js";
import { Mark } from "../components/mark.js";
import { Suggesting } from "../components/suggesting.js";
import { Table, PagedTable } from "../components/table.js";
import { KINDS } from "../events.js";
import { useEvery, useReload, useStream } from "../live.js";
import { plural } from "../format.js";
import { words } from "../forms.js";
import { complain, may, tell } from "../state.js";

const EVERY_MS = 3000; // deliveries are no events
const STATE = { active: ["done", "accent"], paused: ["pause", "faint"], failing: ["triangle", "danger"] };

function StateMark({ of: hook }) {
  const [shape, tone] = STATE[hook.state] ?? ["ring", ""];
  return html`<${Mark} shape=${shape} tone=${tone}>${hook.state}<//>`;
}

export default function Webhooks() {
  const list = usePages("/webhooks");
  const [open, setOpen] = useState(null);
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState(null);
  useStream({ kinds: ["WebhookChanged", "WebhookLagging"] }, null);
  useReload(list.reload, (one) => one.kind.startsWith("Webhook"));
  useEvery(list.reload, EVERY_MS);
  const add = may("admin") && html`<button type="button" class="button primary" onClick=${() => setMaking(true)}>Add a webhook</button>`;
  return html`<${PageHead} title="Webhooks" lead="Each event is sent to these addresses as signed JSON, in order and until it is received.">${add}<//>
    <${PagedTable} list=${list} noun="webhook" caption="Webhooks" rowKey=${(one) => one.webhook_id} columns=${[
      { head: "Address", cell: (one) => html`<button type="button" class="link" onClick=${() => setOpen(one.webhook_id)}>${one.url}</button>` },
      { head: "State", cell: (one) => html`<${StateMark} of=${one} />${one.last_error && one.state === "failing" && html`<br /><small>${one.last_error}</small>`}` },
      { head: "Events", wide: true, cell: (one) => (one.kinds?.length ? one.kinds.join(", ") : "all") },
      { head: "Only of", wide: true, cell: (one) => one.charge_point_id ?? one.group ?? "" },
      { head: "Delivered up to", num: true, wide: true, cell: (one) => html`${one.delivered_up_to}${one.waiting > 0 ? html`<br /><small>${plural(one.waiting, "event")} waiting</small>` : ""}` },
    ]} empty=${html`<${Empty} title="No webhook yet"><p>A program of yours is told of events as they happen: give the address under which it listens. What it misses while it is down it gets afterwards.</p>${add}<//>`} />
    ${making && html`<${Make} onClose=${() => setMaking(false)} onDone=${(made) => { setMaking(false); list.reload(); setSecret(made.secret); }} />`}
    ${secret && html`<${Once} what="Secret that signs what is sent" secret=${secret} onClose=${() => setSecret(null)} />`}
    ${open !== null && html`<${Webhook} id=${open} onClose=${() => setOpen(null)} onChange=${list.reload} />`}`;
}

function Make({ onClose, onDone }) {
  return html`<${Dialog} title="Add a webhook" onClose=${onClose}>
    <${Form} submit="Add" onCancel=${onClose} onSubmit=${async (data) => {
      const body = { url: data.get("url"), kinds: data.getAll("kinds") };
      if (data.get("charge_point_id")) body.charge_point_id = data.get("charge_point_id");
      if (data.get("group")) body.group = data.get("group");
      onDone(await post("/webhooks", body));
    }}>
      <${Field} label="Address" name="url" type="url" required placeholder="https:" />
      <${Kinds} />
      <div class="fields two"><${Suggesting} what="point" label="Only this charge point (optional)" name="charge_point_id" /><${Field} label="Only this group (optional)" name="group" /></div>
    <//><//>`;
}

function Kinds({ chosen = [] }) {
  return html`<fieldset class="field"><legend>Events</legend><span class="hint">None chosen: all.</span>
    <div class="kinds" tabindex="0" role="group" aria-label="Kinds of events">${KINDS.map((kind) => html`<label key=${kind} class="check"><input type="checkbox" name="kinds" value=${kind} defaultChecked=${chosen.includes(kind)} />${words(kind)}</label>`)}</div></fieldset>`;
}

function Webhook({ id, onClose, onChange }) {
  const base = at`/webhooks/${id}`;
  const found = useResource(base);
  const deliveries = useResource(`${base}/deliveries`);
  const [part, setPart] = useState("deliveries");
  const [removing, setRemoving] = useState(false);
  useEvery(() => {
    deliveries.reload();
    // Not while it is edited: whoever has edited it meanwhile is not to be overwritten.
    if (part === "deliveries") found.reload();
  }, EVERY_MS);
  const hook = found.data;
  const again = () => { found.reload(); deliveries.reload(); onChange(); };
  const admin = may("admin");
  if (removing) {
    return html`<${Confirm} title="Remove this webhook?" submit="Remove it" onClose=${() => setRemoving(false)} onConfirm=${async () => { await remove(base, { match: hook }); tell("Removed"); onChange(); onClose(); }}>
      <p>${hook.url} is told of nothing more, and what it has missed is not kept for it.</p><//>`;
  }
  return html`<${Dialog} title=${hook?.url ?? "Webhook"} large onClose=${onClose}>
    <${Trouble} problem=${found.error} />
    ${!hook ? !found.error && html`<${Loading} />` : html`
      <${Facts} of=${[["State", html`<${StateMark} of=${hook} />`], ["Last error", hook.last_error], ["Failures in a row", hook.failures || null], ["Delivered up to event", hook.delivered_up_to], ["Waiting", plural(hook.waiting, "event")], ["Failing since", hook.failing_since && html`<${Time} at=${hook.failing_since} />`],
        ["Next try", hook.next_try_at && html`<${Time} at=${hook.next_try_at} />`], ["Lost for their age", hook.lost_events || null],
        ["Events", hook.kinds?.length ? hook.kinds.join(", ") : "all"], ["Only of", hook.charge_point_id ?? hook.group], ["Added", hook.created_at && html`<${Time} at=${hook.created_at} />`]]} />
      ${admin && html`<div class="row">
        ${hook.state !== "active" ? html`<${Act} action=${async () => { await post(`${base}/resume`); again(); }}>${hook.state === "failing" ? "Try now" : "Go on"}<//>` : ""}
        ${hook.state !== "paused" && html`<${Act} action=${async () => { await post(`${base}/pause`); again(); }}>Pause<//>`}
        <${Act} action=${async () => {
          const result = await post(`${base}/test`);
          if (result.error) complain({ title: "The test did not arrive", detail: result.error });
          else tell(`The test arrived, answered ${result.status}`);
          again();
        }}>Send a test<//>
        <button type="button" class="button small danger push" onClick=${() => setRemoving(true)}>Remove</button></div>`}
      <${Segments} label="Shown" value=${part} options=${[["deliveries", "Last attempts"], ...(admin ? [["replay", "Send again"], ["edit", "Change"]] : [])]} onChange=${setPart} />
      ${part === "deliveries" && html`<${Deliveries} found=${deliveries} />`}
      ${part === "replay" && html`<${Form} submit="Send again" onSubmit=${async (data) => { await post(`${base}/replay`, { from_number: Number(data.get("from_number")) }); tell("It is sent again"); again(); }}>
        <${Field} label="From event number" name="from_number" type="number" min="1" required hint="This event and all after it are sent again, as far as they are kept." /><//>`}
      ${part === "edit" && html`<${Form} submit="Save" onStale=${found.reload} onSubmit=${async (data) => { await patch(base, { url: data.get("url"), kinds: data.getAll("kinds"), charge_point_id: data.get("charge_point_id") || null, group: data.get("group") || null }, { match: hook }); tell("Saved"); again(); }}>
        <${Field} label="Address" name="url" type="url" required value=${hook.url} /><${Kinds} chosen=${hook.kinds} />
        <div class="fields two"><${Suggesting} what="point" label="Only this charge point (optional)" name="charge_point_id" value=${hook.charge_point_id} /><${Field} label="Only this group (optional)" name="group" value=${hook.group} /></div><//>`}`}
  <//>`;
}

function Deliveries({ found }) {
  if (found.error) return html`<${Trouble} problem=${found.error} />`;
  const items = found.data?.items ?? [];
  if (items.length === 0) return html`<p class="soft">${found.loading ? "Loading" : "Nothing was sent yet."}</p>`;
  return html`<${Table} caption="Last attempts" rowKey=${(one) => one.delivery_number} rows=${items} columns=${[
    { head: "When", cell: (one) => html`<${Time} at=${one.at} />` },
    { head: "Events", cell: (one) => one.first_number == null ? "a test" : one.events === 1 ? one.first_number : `${one.first_number} to ${one.last_number}` },
    { head: "Result", cell: (one) => { const good = one.error === null; return html`<${Mark} shape=${good ? "done" : "cross"} tone=${good ? "accent" : "danger"}>${one.status ?? "No answer"}<//>${one.error && html`<br /><small>${one.error}</small>`}`; } },
    { head: "Took", num: true, wide: true, cell: (one) => (one.took_ms != null ? `${one.took_ms} ms` : "") },
  ]} />`;
}
