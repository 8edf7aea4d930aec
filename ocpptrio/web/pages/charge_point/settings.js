// What is settled about a charge point: who may charge, its password, registration, note, groups; and its removal.

import { html, useState } from "../../html.js";
import { at, patch, put, remove, useResource } from "../../api.js";
import { Panel, Time } from "../../components/basics.js";
import { Act, Confirm, Form, Once } from "../../components/dialog.js";
import { Field, UserName } from "../../components/field.js";
import { navigate } from "../../router.js";
import { complain, may, tell } from "../../state.js";
import { MODES } from "../charge_points.js";

export default function Settings({ cp, known, reload }) {
  const base = at`/charge-points/${cp.charge_point_id}`;
  if (!may("operator")) return html`<${Panel}><p>Changing a charge point needs the role operator.</p><//>`;
  return html`<div class="panels"><div class="stack">
    <${Panel} title="Who may charge"><${Mode} cp=${cp} base=${base} known=${known} reload=${reload} /><//>
    <${Panel} title="Password"><${Password} cp=${cp} base=${base} reload=${reload} /><//></div>
    <div class="stack">
    <${Panel} title="Registration and note">
      <${Form} submit="Save" onStale=${reload} onSubmit=${async (data) => {
        await patch(base, { registration: data.get("registration"), note: data.get("note") }, { match: known });
        tell("Saved");
        reload();
      }}>
        <${Field} label="Registration" name="registration" value=${cp.registration} options=${[["Accepted", "Accepted"], ["Pending", "Pending: held back, may be configured"], ["Rejected", "Rejected"]]} hint="How its BootNotification is answered." />
        <${Field} label="Note" name="note" value=${cp.note ?? ""} hint="Where it stands, for instance." />
      <//><//>
    <${Panel} title="Groups"><${Groups} cp=${cp} reload=${reload} /><//>
    <${Panel} title="Remove">
      <p class="soft">It is no longer known and is turned away from now on. Its transactions stay.</p>
      <div class="form-foot"><${Removal} cp=${cp} base=${base} known=${known} /></div><//></div>
  </div>`;
}

function Mode({ cp, base, known, reload }) {
  const [mode, setMode] = useState(cp.mode);
  return html`<${Form} submit="Save" onStale=${reload} onSubmit=${async (data) => {
    const change = { mode };
    if (mode === "fixed tag") change.fixed_id_tag = data.get("fixed_id_tag");
    if (mode === "learn") change.learn_for_s = Number(data.get("minutes")) * 60;
    await patch(base, change, { match: known });
    tell("Saved");
    reload();
  }}>
    <${Field} label="Who may charge" held value=${mode} onInput=${setMode} options=${MODES} />
    ${mode === "fixed tag" && html`<${Field} label="idTag that answers for all" name="fixed_id_tag" required maxlength="20" value=${cp.fixed_id_tag ?? ""} />`}
    ${mode === "learn" && html`<${Field} label="For how many minutes" name="minutes" type="number" min="1" max="1440" value="10" required />
      ${cp.learning_ends_at && html`<p class="soft">It learns until <${Time} at=${cp.learning_ends_at} />.</p>`}`}
  <//>`;
}

function Password({ cp, base, reload }) {
  const [made, setMade] = useState(null);
  return html`<div class="stack">
    <p class="soft">${cp.password_set ? "A password is set. It is kept as a hash." : "None is set: whoever knows the identity may connect under it."} Enter the same one at the charge point (HTTP Basic, AuthorizationKey).</p>
    <${Form} submit="Set this password" onSubmit=${async (data, form) => {
      await put(`${base}/password`, { password: data.get("password") });
      form.reset();
      tell("Password set");
      reload();
    }}><${UserName} of=${cp.charge_point_id} /><${Field} label="Password" name="password" type="password" required maxlength="40" autocomplete="new-password" /><//>
    <div class="row"><${Act} action=${async () => { const answer = await put(`${base}/password`, { generate: true }); setMade(answer.password); reload(); }}>Make a good one<//>
      ${cp.password_set && html`<${Act} tone="danger" done="It may connect without a password" sure=${["Take its password off?", "Whoever knows the identity may then connect under it."]} action=${async () => { await remove(`${base}/password`); reload(); }}>Take it off<//>`}</div>
    ${made && html`<${Once} what=${`Password of ${cp.charge_point_id}`} secret=${made} onClose=${() => setMade(null)} />`}
  </div>`;
}

function Groups({ cp, reload }) {
  const all = useResource("/groups");
  const names = (all.data?.items ?? []).map((one) => one.group).filter((name) => !cp.groups.includes(name));
  return html`<div class="stack">
    ${cp.groups.length === 0 ? html`<p class="soft">It is in no group.</p>` : html`<ul class="row">${cp.groups.map((name) => html`<li key=${name} class="chip">${name}
      <button type="button" aria-label=${`Take it out of ${name}`} onClick=${() => remove(at`/groups/${name}/members/${cp.charge_point_id}`).then(reload, complain)}>×</button></li>`)}</ul>`}
    <${Form} submit="Put into the group" onSubmit=${async (data, form) => {
      await put(at`/groups/${data.get("group").trim()}/members/${cp.charge_point_id}`);
      form.reset();
      reload();
      all.reload();
    }}><${Field} label="Group" name="group" required list="group-names" hint="A new name makes a new group." /><datalist id="group-names">${names.map((name) => html`<option key=${name} value=${name}></option>`)}</datalist><//>
  </div>`;
}

function Removal({ cp, base, known }) {
  const [open, setOpen] = useState(false);
  return html`<button type="button" class="button danger" onClick=${() => setOpen(true)}>Remove ${cp.charge_point_id}</button>
    ${open && html`<${Confirm} title=${`Remove ${cp.charge_point_id}?`} submit="Remove it" onClose=${() => setOpen(false)} onConfirm=${async () => {
      await remove(base, { match: known });
      tell(`${cp.charge_point_id} is removed`);
      navigate("/charge-points");
    }}><p>It is turned away from its next try on, and its configuration and rights go. Transactions stay.</p><//>`}`;
}
