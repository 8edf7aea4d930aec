// Configuration keys: what is wanted beside what the charge point reports, and how the two agree.

import { html, useState } from "../../html.js";
import { at, post, put, remove, useResource } from "../../api.js";
import { Empty, Loading, Notice, Panel, Time, Trouble } from "../../components/basics.js";
import { Act, Dialog, Form } from "../../components/dialog.js";
import { Field } from "../../components/field.js";
import { Mark } from "../../components/mark.js";
import { Table } from "../../components/table.js";
import { useReload } from "../../live.js";
import { may, tell } from "../../state.js";

const KINDS = new Set(["ConfigurationReported", "ConfigurationChanged", "WantedConfigurationChanged", "ProvisioningChanged"]);

export default function Configuration({ cp }) {
  const base = at`/charge-points/${cp.charge_point_id}/configuration`;
  const found = useResource(base);
  const [search, setSearch] = useState("");
  const [edited, setEdited] = useState(null);
  useReload(found.reload, (one) => KINDS.has(one.kind));
  if (!found.data) return found.error ? html`<${Trouble} problem=${found.error} retry=${found.reload} />` : html`<section class="panel"><${Loading} lines=${8} /></section>`;
  const rows = keys(found.data).filter((row) => row.key.toLowerCase().includes(search.toLowerCase()));
  const provisioning = found.data.provisioning;
  return html`<div class="stack">
    <${Trouble} problem=${found.error} />
    ${provisioning?.state && !["finished", "running"].includes(provisioning.state) && html`<${Notice}><p><strong>Wanted values: ${provisioning.state}.</strong> ${provisioning.detail}</p><//>`}
    <div class="filters"><${Field} label="Find a key" class="search" type="search" value=${search} onInput=${setSearch} />
      ${may("operator") && html`<div class="row push"><${Act} small=${false} action=${() => post(`${base}/refresh`)} done="The charge point is asked for all its keys">Read again<//>
        <button type="button" class="button primary" onClick=${() => setEdited({ key: "", wanted: null, reported: null })}>Want a value</button></div>`}</div>
    <${Panel} flush>
      ${rows.length === 0 ? html`<${Empty} title=${search ? "No key is called so" : "Nothing reported yet"}>${!search && html`<p>Its keys are read when something is wanted of them, or when you ask for them.</p>${may("operator") && html`<${Act} small=${false} tone="primary" action=${() => post(`${base}/refresh`)} done="The charge point is asked for all its keys">Read its keys<//>`}`}<//>`
        : html`<${Table} caption="Configuration keys" rowKey=${(row) => row.key.toLowerCase()} rows=${rows} columns=${[
          { head: "Key", cell: (row) => html`<code>${row.key}</code>${row.reported?.readonly && html` <span class="chip">read only</span>`}` },
          { head: "Reported", cell: (row) => html`<${Value} of=${row.reported} />${row.reported?.pending_value != null && html`<br /><small>${row.reported.pending_value} after its next boot</small>`}` },
          { head: "Wanted", cell: (row) => row.wanted ? html`<code>${row.wanted.value}</code>${row.wanted.scope === "group" && html` <span class="chip">group ${row.wanted.target}</span>`}` : "" },
          { head: "Verdict", cell: (row) => row.verdict && html`<${Verdict} of=${row.verdict} />` },
          { head: "Read", roomy: true, cell: (row) => html`<${Time} at=${row.reported?.reported_at} />` },
          { head: "Change", actions: true, cell: (row) => may("operator") && !(row.reported?.readonly && !row.wanted) && html`<button type="button" class="button small" aria-label=${`Change ${row.key}`} onClick=${() => setEdited(row)}>Change</button>` },
        ]} />`}
    <//>
    ${edited && html`<${Edit} base=${base} row=${edited} onClose=${() => setEdited(null)} onDone=${found.reload} />`}
  </div>`;
}

function Value({ of: reported }) {
  if (!reported) return html`<span class="soft">not reported</span>`;
  if (reported.value == null) return html`<span class="soft">no value</span>`;
  return html`<code class="clip" title=${reported.value}>${reported.value === "" ? "(empty)" : reported.value}</code>`;
}

/** Keys that are reported or wanted; names of keys do not tell capitals from small letters. */
function keys(data) {
  const rows = new Map();
  const row = (key) => {
    const folded = key.toLowerCase();
    if (!rows.has(folded)) rows.set(folded, { key, reported: null, wanted: null, verdict: null });
    return rows.get(folded);
  };
  for (const one of data.reported ?? []) row(one.key).reported = one;
  for (const one of data.wanted ?? []) {
    const known = row(one.key);
    // Their own value wins over that of a group.
    if (!known.wanted || one.scope !== "group") known.wanted = one;
  }
  for (const one of data.verdicts ?? []) row(one.key).verdict = one;
  return [...rows.values()].sort((a, b) => a.key.localeCompare(b.key));
}

const GOOD = new Set(["applied", "applied, shortened"]);
const UNDER_WAY = new Set(["not read yet", "waits for reboot"]);

function Verdict({ of: verdict }) {
  const [shape, tone] = GOOD.has(verdict.state) ? ["done", "accent"] : UNDER_WAY.has(verdict.state) ? ["half", ""] : ["triangle", "warn"];
  return html`<${Mark} shape=${shape} tone=${tone}>${verdict.state}<//>${verdict.detail && html`<br /><small>${verdict.detail}</small>`}`;
}

function Edit({ base, row, onClose, onDone }) {
  const own = row.wanted && row.wanted.scope !== "group";
  const key = row.key;
  async function save(data) {
    const name = key || data.get("key").trim();
    await put(base + at`/wanted/${name}`, { value: data.get("value") });
    tell(`${name} is wanted`, "The charge point is told as soon as it can be.");
    onDone();
    onClose();
  }
  return html`<${Dialog} title=${key || "Want a value"} onClose=${onClose}>
    ${row.reported && html`<p class="soft">It reports <code>${row.reported.value ?? "no value"}</code> (read <${Time} at=${row.reported.reported_at} />). What is wanted is written to it, and again whenever it has lost it.</p>`}
    ${row.wanted?.scope === "group" && html`<p class="soft">Group ${row.wanted.target} wants <code>${row.wanted.value}</code>; a value of its own wins.</p>`}
    <${Form} submit="Want this value" onSubmit=${save} onCancel=${onClose}>
      ${!key && html`<${Field} label="Key" name="key" required maxlength="50" mono />`}
      <${Field} label="Value" name="value" maxlength="500" value=${own ? row.wanted.value : row.reported?.value ?? ""} />
    <//>
    ${own && html`<div><${Act} tone="danger" done="No longer wanted" action=${async () => { await remove(base + at`/wanted/${key}`); onDone(); onClose(); }}>Stop wanting a value<//></div>`}
  <//>`;
}
