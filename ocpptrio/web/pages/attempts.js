// Charge points that were turned away because nobody knows them, and how they are let in.

import { html, useState } from "../html.js";
import { at, post, put, remove, usePages } from "../api.js";
import { Copy, Empty, PageHead, Time } from "../components/basics.js";
import { Act, Dialog, Form, Once } from "../components/dialog.js";
import { Field, entered } from "../components/field.js";
import { refreshOverview } from "../components/shell.js";
import { PagedTable } from "../components/table.js";
import { count, plural } from "../format.js";
import { useReload, useStream } from "../live.js";
import { navigate } from "../router.js";
import { may, tell } from "../state.js";
import { connectTo } from "./overview.js";

const KINDS = ["AttemptRefused", "Registered"];

export default function Attempts() {
  const list = usePages("/attempts");
  const [adopted, setAdopted] = useState(null);
  const [several, setSeveral] = useState(null);
  const unknown = list.items.filter((one) => one.remedy === "adopt");
  useStream({ kinds: KINDS }, null);
  useReload(list.reload, (one) => KINDS.includes(one.kind));
  const done = () => { list.reload(); refreshOverview(); };
  return html`<${PageHead} title="Attempts" lead="These charge points wanted to connect and were turned away. Adopt those that are yours; their next try succeeds.">${may("operator") && unknown.length > 1 && html`<button type="button" class="button primary" onClick=${() => setSeveral([...unknown].sort((a, b) => a.charge_point_id.localeCompare(b.charge_point_id)))}>Adopt several</button>`}<//>
    <${PagedTable} list=${list} noun="charge point" caption="Attempts" rowKey=${(one) => `${one.charge_point_id} ${one.peer}`} columns=${[
      { head: "Identity", cell: (one) => html`<strong>${one.charge_point_id || "(none named)"}</strong>` },
      { head: "Why it was turned away", cell: (one) => one.reason },
      { head: "From", wide: true, cell: (one) => html`<code>${one.peer}</code>` },
      { head: "Times", num: true, wide: true, cell: (one) => count(one.occurrences) },
      { head: "Last", cell: (one) => html`<${Time} at=${one.last_at} as="ago" />` },
      { head: "Decide", actions: true, cell: (one) => may("operator") && html`<span class="row tight one">
        ${one.remedy === "adopt" && html`<button type="button" class="button small primary" aria-label=${`Adopt ${one.charge_point_id}`} onClick=${() => setAdopted(one)}>Adopt</button>`}
        ${one.remedy === "set password" && html`<a class="button small" href=${at`/charge-points/${one.charge_point_id}/settings`}>Set its password</a>`}
        ${one.charge_point_id && html`<${Act} label=${`Forget ${one.charge_point_id}`} action=${async () => { await remove(at`/attempts/${one.charge_point_id}`); done(); }}>Forget<//>`}</span>` },
    ]} empty=${html`<${Empty} title="Nobody was turned away"><p>Enter this address into your charge point as that of the central system (backend, OCPP 1.6J). If it is not registered, it appears here with its next try.</p><${Copy} text=${connectTo()} /><//>`} />
    ${adopted && html`<${Adopt} attempt=${adopted} onClose=${() => setAdopted(null)} onDone=${done} stay=${unknown.length > 1} />`}
    ${several && html`<${AdoptSeveral} attempts=${several} onClose=${() => setSeveral(null)} onDone=${done} />`}`;
}

/** @param {{attempt: any, stay: boolean, onClose: () => void, onDone: () => void}} props stay: others wait here, too */
function Adopt({ attempt, stay, onClose, onDone }) {
  const [password, setPassword] = useState(null);
  const id = attempt.charge_point_id;
  const [here] = useState(stay); // as it was when somebody began
  const go = () => (here ? onClose() : navigate(at`/charge-points/${id}`));
  if (password) return html`<${Once} what=${`Password of ${id}`} secret=${password} onClose=${go} />`;
  return html`<${Dialog} title=${`Adopt ${id}`} onClose=${onClose}>
    <p class="soft">It may connect from now on. Unknown idTags may not charge there until you add them or change who may charge.</p>
    <${Form} submit="Adopt" onCancel=${onClose} onSubmit=${async (data) => {
      const answer = await post(at`/attempts/${id}/adopt`, entered(data, { flags: ["generate_password"] }));
      onDone();
      tell(`${id} is adopted`, "It is let in when it tries again.");
      if (answer?.password) setPassword(answer.password);
      else go();
    }}>
      <${Field} label="Make a password for it" name="generate_password" type="checkbox" hint="You enter it at the charge point. Without one, whoever knows the identity may connect under it." />
      <${Field} label="Note (optional)" name="note" hint="Where it stands, for instance." />
    <//><//>`;
}

/** Those that are ticked, one after the other: what was adopted before one fails stays so. */
function AdoptSeveral({ attempts, onClose, onDone }) {
  const [left, setLeft] = useState(attempts);
  return html`<${Dialog} title="Adopt several charge points" onClose=${onClose}>
    <p class="soft">They may connect from now on. Unknown idTags may not charge there until you add them or change who may charge.</p>
    <${Form} submit="Adopt" onCancel=${onClose} onSubmit=${async (data) => {
      const chosen = data.getAll("chosen");
      const group = data.get("group").trim();
      if (chosen.length === 0) throw { title: "None is chosen", detail: "Tick those that are yours." };
      try {
        for (const id of chosen) {
          await post(at`/attempts/${id}/adopt`, {});
          setLeft((before) => before.filter((one) => one.charge_point_id !== id));
          if (group) await put(at`/groups/${group}/members/${id}`);
        }
      } finally {
        onDone();
      }
      tell(plural(chosen.length, "charge point is adopted", "charge points are adopted"), "Each is let in when it tries again.");
      if (chosen.length === attempts.length) navigate("/charge-points");
      else onClose();
    }}>
      <fieldset class="field"><legend>Yours are</legend>
        <div class="kinds" tabindex="0" role="group" aria-label="Charge points">${left.map((one) => html`<label key=${one.charge_point_id} class="check"><input type="checkbox" name="chosen" value=${one.charge_point_id} defaultChecked />${one.charge_point_id} <small>from ${one.peer}</small></label>`)}</div></fieldset>
      <${Field} label="Put them into a group (optional)" name="group" hint="A new name makes a new group." />
    <//><//>`;
}
