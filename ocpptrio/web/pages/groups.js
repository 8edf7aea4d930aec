// Groups of charge points: who is in them, and what is wanted of their configuration.

import { html, useState } from "../html.js";
import { at, put, remove, usePages, useResource } from "../api.js";
import { Empty, Loading, PageHead, Panel, Trouble } from "../components/basics.js";
import { Act, Confirm, Form, Opens } from "../components/dialog.js";
import { Field } from "../components/field.js";
import { Suggesting } from "../components/suggesting.js";
import { PagedTable, Table } from "../components/table.js";
import { count, plural } from "../format.js";
import { refine } from "../router.js";
import { complain, may, tell } from "../state.js";

export default function Groups({ query }) {
  const list = usePages("/groups");
  const chosen = query.get("group");
  return html`<${PageHead} title="Groups" crumb=${["/charge-points", "Charge points"]} lead="A group has configuration that all its members are to hold, can be asked for something as one, and is a place where tags may charge.">
      ${may("operator") && html`<${Opens} word="Make a group" tone="primary">${(close) => html`<${Make} onCancel=${close} onDone=${(group) => { close(); list.reload(); refine({ group }); }} />`}<//>`}<//>
    <div class="panels">
      <${PagedTable} list=${list} noun="group" caption="Groups" rowKey=${(one) => one.group} columns=${[
        { head: "Group", cell: (one) => html`<button type="button" class="link" aria-pressed=${one.group === chosen ? "true" : "false"} onClick=${() => refine({ group: one.group })}>${one.group}</button>` },
        { head: "Members", num: true, cell: (one) => count(one.members) },
        { head: "Look", actions: true, cell: (one) => html`<a class="button small" href="/charge-points?group=${encodeURIComponent(one.group)}">Its charge points</a>` },
      ]} empty=${html`<${Empty} title="No group yet"><p>Make one here, or put a charge point into one on its page, under Settings.</p><//>`} />
      ${chosen && html`<${Group} key=${chosen} name=${chosen} onChange=${list.reload} />`}
    </div>`;
}

async function putIn(group, identities) {
  for (const id of identities.split(",").map((one) => one.trim()).filter(Boolean)) await put(at`/groups/${group}/members/${id}`);
}

function Make({ onCancel, onDone }) {
  return html`<${Form} submit="Make it" onCancel=${onCancel} onSubmit=${async (data) => {
    const name = data.get("group").trim();
    await putIn(name, data.get("members"));
    onDone(name);
  }}>
    <${Field} label="Name" name="group" required />
    <${Suggesting} what="point" several label="Its charge points" name="members" required hint="Identities, separated by commas. A group is there as long as it has members." />
  <//>`;
}

function Group({ name, onChange }) {
  const base = at`/groups/${name}`;
  const found = useResource(base);
  const [removing, setRemoving] = useState(false);
  const again = () => { found.reload(); onChange(); };
  if (!found.data) return found.error ? html`<${Trouble} problem=${found.error} retry=${found.reload} />` : html`<section class="panel"><${Loading} /></section>`;
  const members = found.data.charge_points;
  const wanted = found.data.wanted;
  const edits = may("operator");
  return html`<div class="stack">
    <${Panel} title=${name} actions=${edits && html`<button type="button" class="button small danger" onClick=${() => setRemoving(true)}>Remove the group</button>`}>
      <div class="stack"><p class="soft">${plural(members.length, "charge point")}</p>
      <ul class="row tight">${members.map((id) => html`<li key=${id} class="chip"><a href=${at`/charge-points/${id}`}>${id}</a>${edits && html`<button type="button" aria-label=${`Take ${id} out`} onClick=${() => remove(base + at`/members/${id}`).then(again, complain)}>×</button>`}</li>`)}</ul>
      ${edits && html`<${Form} submit="Put in" onSubmit=${async (data, form) => { await putIn(name, data.get("members")).finally(again); form.reset(); }}><${Suggesting} what="point" several label="Put charge points in" name="members" required hint="Identities, separated by commas." /><//>`}</div><//>
    <${Panel} title="Wanted configuration" flush>
      ${wanted.length === 0 ? html`<${Empty} title="Nothing is wanted of its members" />` : html`<${Table} caption="Wanted configuration" rowKey=${(one) => one.key} rows=${wanted} columns=${[
        { head: "Key", cell: (one) => html`<code>${one.key}</code>` }, { head: "Value", cell: (one) => html`<code>${one.value}</code>` },
        { head: "Change", actions: true, cell: (one) => edits && html`<${Act} label=${`No longer want ${one.key}`} action=${async () => { await remove(base + at`/configuration/wanted/${one.key}`); again(); }}>No longer<//>` },
      ]} />`}<//>
    ${edits && html`<${Panel} title="Want a value of all members"><${Form} submit="Want it" onSubmit=${async (data, form) => { await put(base + at`/configuration/wanted/${data.get("key").trim()}`, { value: data.get("value") }); form.reset(); tell("Wanted"); again(); }}>
      <div class="fields two"><${Field} label="Key" name="key" required maxlength="50" mono /><${Field} label="Value" name="value" maxlength="500" /></div><//><//>`}
    ${removing && html`<${Confirm} title=${`Remove group ${name}?`} submit="Remove" onClose=${() => setRemoving(false)} onConfirm=${async () => { await remove(base, { match: found.data }); tell("Removed"); refine({ group: null }); onChange(); }}><p>Its charge points stay. What is wanted of them as members is no longer wanted.</p><//>`}
  </div>`;
}
