// Groups of tags (parentIdTag): terms that all their members share.

import { html, useState } from "../html.js";
import { at, put, remove, usePages, useResource } from "../api.js";
import { Empty, Loading, PageHead, Tabs, Trouble } from "../components/basics.js";
import { Act, Dialog, Form, Opens } from "../components/dialog.js";
import { Field } from "../components/field.js";
import { PagedTable } from "../components/table.js";
import { TermsFields, TermsMark, limits, termsOf } from "../components/terms.js";
import { may, tell } from "../state.js";
import { TAG_TABS } from "./tags.js";

export default function TagGroups() {
  const list = usePages("/tag-groups");
  const [edited, setEdited] = useState(null);
  const add = may("operator") && html`<${Opens} word="Add a group" tone="primary" large>${(close) => html`<${GroupForm} onDone=${() => { close(); list.reload(); }} onCancel=${close} />`}<//>`;
  return html`<${PageHead} title="Tags">${add}<//>
    <${Tabs} base="/tags" tabs=${TAG_TABS} current="groups" label="Tags and groups" />
    <${PagedTable} list=${list} noun="group" caption="Groups of tags" rowKey=${(one) => one.parent_id_tag} columns=${[
      { head: "Group", cell: (one) => html`<button type="button" class="link mono" onClick=${() => setEdited(one.parent_id_tag)}>${one.parent_id_tag}</button>` },
      { head: "State", cell: (one) => html`<${TermsMark} of=${one} />` },
      { head: "Limits", cell: limits },
      { head: "Note", wide: true, cell: (one) => one.note ?? "" },
      { head: "Members", actions: true, cell: (one) => html`<a class="button small" href="/tags?parent_id_tag=${encodeURIComponent(one.parent_id_tag)}">Its tags</a>` },
    ]} empty=${html`<${Empty} title="No group of tags has terms yet"><p>Tags with the same parentIdTag are a group: one may stop what another has started. Give the group terms of its own, such as a budget that its members share.</p>${add}<//>`} />
    ${edited && html`<${Group} id=${edited} onClose=${() => setEdited(null)} onDone=${list.reload} />`}`;
}

function Group({ id, onClose, onDone }) {
  const found = useResource(at`/tag-groups/${id}`);
  const group = found.data;
  const done = () => { onDone(); onClose(); };
  return html`<${Dialog} title=${id} large onClose=${onClose}><${Trouble} problem=${found.error} retry=${found.reload} />
    ${!group ? !found.error && html`<${Loading} />` : may("operator")
      ? html`<${GroupForm} group=${group} onStale=${found.reload} onDone=${done} onCancel=${onClose} />
        <div><${Act} tone="danger" done=${`The terms of ${id} are removed`} sure=${[`Remove the terms of ${id}?`, "Its limits and budgets are gone."]} action=${async () => { await remove(at`/tag-groups/${id}`, { match: group }); done(); }}>Remove its terms<//></div>`
      : html`<p>${limits(group) || "No limits."}</p>`}<//>`;
}

function GroupForm({ group, onDone, onCancel, onStale }) {
  return html`<${Form} submit=${group ? "Save" : "Add"} onCancel=${onCancel} onStale=${onStale} onSubmit=${async (data) => {
    await put(at`/tag-groups/${group?.parent_id_tag ?? data.get("parent_id_tag")}`, termsOf(data), { match: group });
    tell("Saved");
    onDone();
  }}>
    ${!group && html`<${Field} label="Name (parentIdTag)" name="parent_id_tag" required maxlength="20" mono />`}
    <${TermsFields} of=${group} /><//>`;
}
