// idTags: who may charge, on which terms; a check of what a tag would be answered; CSV in and out.

import { html, useState } from "../html.js";
import { address, at, get, patch, post, remove, usePages, useResource } from "../api.js";
import { Empty, Facts, Loading, PageHead, Tabs, Time, Trouble } from "../components/basics.js";
import { Act, Dialog, Form, Opens } from "../components/dialog.js";
import { Field, SearchField } from "../components/field.js";
import { Mark } from "../components/mark.js";
import { Suggesting } from "../components/suggesting.js";
import { PagedTable } from "../components/table.js";
import { TermsFields, TermsMark, limits, termsOf } from "../components/terms.js";
import { kwhShort, plural } from "../format.js";
import { refine } from "../router.js";
import { may, tell } from "../state.js";

export const TAG_TABS = [["", "Tags"], ["groups", "Groups of tags"]];

export default function Tags({ query }) {
  const filters = { search: query.get("search") ?? "", parent_id_tag: query.get("parent_id_tag") ?? "", blocked: query.get("blocked") ?? "" };
  const list = usePages("/tags", filters);
  const [edited, setEdited] = useState(null);
  const filtered = Object.values(filters).some(Boolean);
  const add = html`<${Opens} word="Add a tag" tone="primary" large>${(close) => html`<${TagForm} onDone=${() => { close(); list.reload(); }} onCancel=${close} />`}<//>`;
  return html`<${PageHead} title="Tags">
      <a class="button" href=${address("/tags.csv")} download="tags.csv">Export CSV</a>
      ${may("operator") && html`<${Opens} word="Import CSV">${(close) => html`<${Import} onDone=${list.reload} onClose=${close} />`}<//>${add}`}
    <//>
    <${Tabs} base="/tags" tabs=${TAG_TABS} current="" label="Tags and groups" />
    <div class="filters" role="search">
      <${SearchField} label="Search" value=${filters.search} placeholder="idTag or note" onChange=${(search) => refine({ search })} />
      <${SearchField} label="Group" value=${filters.parent_id_tag} onChange=${(parent_id_tag) => refine({ parent_id_tag })} />
      <${Field} label="State" value=${filters.blocked} options=${[["", "All"], ["false", "Not blocked"], ["true", "Blocked"]]} onInput=${(blocked) => refine({ blocked })} />
    </div>
    <${PagedTable} list=${list} noun="tag" caption="Tags" rowKey=${(one) => one.id_tag} columns=${[
      { head: "idTag", cell: (one) => html`<button type="button" class="link mono" onClick=${() => setEdited(one.id_tag)}>${one.id_tag}</button>` },
      { head: "State", cell: (one) => html`<${TermsMark} of=${one} />` },
      { head: "Group", cell: (one) => one.parent_id_tag ?? "" },
      { head: "Limits", wide: true, cell: limits },
      { head: "Expires", wide: true, cell: (one) => one.expires_at && html`<${Time} at=${one.expires_at} />` },
      { head: "Note", cell: (one) => one.note ?? "" },
    ]} empty=${filtered ? html`<${Empty} title="None fits"><p><a href="/tags">Show all tags</a></p><//>`
      : html`<${Empty} title="No tag yet"><p>An idTag is what a charge point reads from a card or key fob. At a charge point that lets in known tags only, add the tags that may charge here. The events of a charge point tell which idTag was presented; in the mode “learn” it takes them up by itself.</p>${may("operator") && add}<//>`} />
    ${edited && html`<${Tag} id=${edited} onClose=${() => setEdited(null)} onDone=${list.reload} />`}`;
}

function Tag({ id, onClose, onDone }) {
  const found = useResource(at`/tags/${id}`);
  const tag = found.data;
  const done = () => { onDone(); onClose(); };
  return html`<${Dialog} title=${id} large onClose=${onClose}>
    <${Trouble} problem=${found.error} retry=${found.reload} />
    ${!tag ? !found.error && html`<${Loading} />` : html`
      ${tag.budgets?.length > 0 && html`<${Facts} of=${tag.budgets.map((one) => [`Spent in the ${one.period}`, `${kwhShort(one.spent_wh)} of ${kwhShort(one.limit_wh)} kWh`])} />`}
      ${may("operator") ? html`<${TagForm} tag=${tag} onStale=${found.reload} onDone=${done} onCancel=${onClose} />
        <div><${Act} tone="danger" done=${`${id} is removed`} sure=${[`Remove ${id}?`, "It is no longer known, and its terms and budgets are gone. Its transactions stay."]} action=${async () => { await remove(at`/tags/${id}`, { match: tag }); done(); }}>Remove the tag<//></div>
        <hr />`
        : html`<${Facts} of=${[["Group", tag.parent_id_tag], ["Limits", limits(tag)], ["Expires", tag.expires_at && html`<${Time} at=${tag.expires_at} />`], ["Note", tag.note]]} />`}
      <${Verdict} id=${id} />`}
  <//>`;
}

function TagForm({ tag, onDone, onCancel, onStale }) {
  async function save(data) {
    const terms = { ...termsOf(data), parent_id_tag: data.get("parent_id_tag") || null };
    if (tag) await patch(at`/tags/${tag.id_tag}`, terms, { match: tag });
    else await post("/tags", { id_tag: data.get("id_tag"), ...terms });
    tell(tag ? "Saved" : `${data.get("id_tag")} is added`);
    onDone();
  }
  return html`<${Form} submit=${tag ? "Save" : "Add"} onSubmit=${save} onCancel=${onCancel} onStale=${onStale}>
    ${!tag && html`<${Field} label="idTag" name="id_tag" required maxlength="20" mono autocomplete="off" />`}
    <${Field} label="Group of tags (optional)" name="parent_id_tag" maxlength="20" value=${tag?.parent_id_tag ?? ""} hint="Tags of a group stop each other's transactions, and share its terms." />
    <${TermsFields} of=${tag} folded />
  <//>`;
}

/** What it would be answered, and why. */
function Verdict({ id }) {
  const [answer, setAnswer] = useState(null);
  return html`<div class="stack tight"><h3>What would it be answered?</h3><${Form} submit="Ask" onSubmit=${async (data) => setAnswer(await get(at`/tags/${id}/verdict`, { charge_point_id: data.get("charge_point_id") }))}>
      <${Suggesting} what="point" label="At charge point" name="charge_point_id" required hint="The identity." /><//>
    ${answer && html`<${Mark} shape=${answer.status === "Accepted" ? "done" : "cross"} tone=${answer.status === "Accepted" ? "accent" : "danger"}>${answer.status}${answer.reason ? `: ${answer.reason}` : ""}<//>`}</div>`;
}

function Import({ onDone, onClose }) {
  const [told, setTold] = useState(null);
  if (told) {
    return html`<${Facts} all of=${Object.entries(typeof told === "object" ? told : { result: told }).map(([name, value]) => [name.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase()), Array.isArray(value) ? plural(value.length, "line") : String(value)])} />
      <div class="form-foot"><button type="button" class="button primary" onClick=${onClose}>Close</button></div>`;
  }
  return html`<${Form} submit="Import" onCancel=${onClose} onSubmit=${async (data) => {
    const text = await data.get("file").text();
    setTold((await post("/tags.csv", undefined, { text, type: "text/csv" })) ?? { imported: "yes" });
    onDone();
  }}>
    <${Field} label="CSV file" name="file" type="file" accept=".csv,text/csv" required hint="With a line of column names, as the export writes it. Tags that are there already are changed. Either all lines are taken or none." />
  <//>`;
}
