// Charge points that were turned away because nobody knows them, and how they are let in.

import { html, useState } from "../html.js";
import { at, post, remove, usePages } from "../api.js";
import { Copy, Empty, PageHead, Time } from "../components/basics.js";
import { Act, Dialog, Form, Once } from "../components/dialog.js";
import { Field, entered } from "../components/field.js";
import { refreshOverview } from "../components/shell.js";
import { PagedTable } from "../components/table.js";
import { count } from "../format.js";
import { useReload, useStream } from "../live.js";
import { navigate } from "../router.js";
import { may, tell } from "../state.js";
import { connectTo } from "./overview.js";

const KINDS = ["AttemptRefused", "Registered"];

export default function Attempts() {
  const list = usePages("/attempts");
  const [adopted, setAdopted] = useState(null);
  useStream({ kinds: KINDS }, null);
  useReload(list.reload, (one) => KINDS.includes(one.kind));
  const done = () => { list.reload(); refreshOverview(); };
  return html`<${PageHead} title="Unknown attempts" lead="These charge points wanted to connect and were turned away. Adopt those that are yours; their next try succeeds." />
    <${PagedTable} list=${list} noun="charge point" caption="Unknown attempts" rowKey=${(one) => `${one.charge_point_id} ${one.peer}`} columns=${[
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
    ${adopted && html`<${Adopt} attempt=${adopted} onClose=${() => setAdopted(null)} onDone=${done} />`}`;
}

function Adopt({ attempt, onClose, onDone }) {
  const [password, setPassword] = useState(null);
  const id = attempt.charge_point_id;
  const go = () => navigate(at`/charge-points/${id}`);
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
