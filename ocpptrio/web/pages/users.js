// Who may use this page, and which programs may use the API.

import { html, useState } from "../html.js";
import { at, patch, post, remove, usePages, useResource } from "../api.js";
import { Copy, Empty, Loading, PageHead, Time, Trouble } from "../components/basics.js";
import { Act, Confirm, Dialog, Form, Once, Opens } from "../components/dialog.js";
import { Field, UserName, entered } from "../components/field.js";
import { Mark } from "../components/mark.js";
import { PagedTable } from "../components/table.js";
import { complain, session, tell } from "../state.js";

const ROLES = [["viewer", "viewer: reads everything but users"], ["operator", "operator: also changes and commands"], ["admin", "admin: also users, tokens, webhooks"]];

export default function Users() {
  const users = usePages("/users");
  const tokens = usePages("/tokens");
  const [link, setLink] = useState(null);
  const [token, setToken] = useState(null);
  const [edited, setEdited] = useState(null);
  const loginLink = async (name) => setLink({ name, ...(await post(at`/users/${name}/login-link`)) });
  return html`<${PageHead} title="Users and tokens" />
    <div class="stack">
      <${PagedTable} list=${users} title="Users" noun="user" caption="Users" actions=${html`<${Opens} word="Add a user" tone="primary" small>${(close) => html`<${AddUser} onCancel=${close} onDone=${async (name, withLink) => {
          close();
          users.reload();
          if (withLink) await loginLink(name).catch(complain);
        }} />`}<//>`} rowKey=${(one) => one.user_name} columns=${[
        { head: "Name", cell: (one) => html`<strong>${one.user_name}</strong>${one.user_name === session.value.user_name ? html` <span class="chip">you</span>` : ""}` },
        { head: "Role", cell: (one) => one.role },
        { head: "State", cell: (one) => one.disabled ? html`<${Mark} shape="bar" tone="faint">Disabled<//>` : one.password_set ? html`<${Mark} shape="done" tone="accent">Active<//>` : html`<${Mark} shape="half">No password yet<//>` },
        { head: "Last login", wide: true, cell: (one) => html`<${Time} at=${one.last_login_at} as="ago" />` },
        { head: "Change", actions: true, cell: (one) => html`<span class="row tight one"><${Act} label=${`Login address for ${one.user_name}`} action=${() => loginLink(one.user_name)}>Login address<//>
          <button type="button" class="button small" aria-label=${`Change ${one.user_name}`} onClick=${() => setEdited(one)}>Change</button></span>` },
      ]} />
      <${PagedTable} list=${tokens} title="Tokens of programs" noun="token" caption="Tokens" actions=${html`<${Opens} word="Make a token" tone="primary" small>${(close) => html`<${MakeToken} onCancel=${close} onDone=${(made) => { close(); tokens.reload(); setToken(made.token); }} />`}<//>`} rowKey=${(one) => one.token_id} columns=${[
        { head: "Name", cell: (one) => html`<strong>${one.name}</strong>` }, { head: "Role", cell: (one) => one.role },
        { head: "Made", wide: true, cell: (one) => html`<${Time} at=${one.created_at} /> by ${one.created_by}` },
        { head: "Last used", cell: (one) => html`<${Time} at=${one.last_used_at} as="ago" />` },
        { head: "Expires", wide: true, cell: (one) => (one.expires_at ? html`<${Time} at=${one.expires_at} />` : "never") },
        { head: "Remove", actions: true, cell: (one) => html`<${RemoveToken} token=${one} onDone=${tokens.reload} />` },
      ]} empty=${html`<${Empty} title="No token yet"><p>A program presents a token: <code>Authorization: Bearer …</code>. What it may ask for is at <a href="/api/docs">/api/docs</a>.</p><//>`} />
    </div>
    ${link && html`<${Dialog} title=${`Login address for ${link.name}`} onClose=${() => setLink(null)}>
      <p>It logs in once, until <${Time} at=${link.expires_at} as="full" />. Whoever has it is ${link.name}.</p><${Copy} text=${link.login_url} secret />
      <div class="form-foot"><button type="button" class="button primary" onClick=${() => setLink(null)}>Close</button></div><//>`}
    ${token && html`<${Once} what="The new token" secret=${token} onClose=${() => setToken(null)} />`}
    ${edited && html`<${EditUser} name=${edited.user_name} onClose=${() => setEdited(null)} onDone=${users.reload} />`}`;
}

function AddUser({ onDone, onCancel }) {
  return html`<${Form} submit="Add" onCancel=${onCancel} onSubmit=${async (data) => {
    const body = entered(data);
    await post("/users", body);
    tell(`${body.user_name} is added`);
    await onDone(body.user_name, !body.password);
  }}>
    <${Field} label="Name" name="user_name" required maxlength="64" pattern="[\\w.@+\\-]+" autocomplete="off" autocapitalize="none" hint="Letters, digits and . @ + -" />
    <${Field} label="Role" name="role" options=${ROLES} value="operator" />
    <${Field} label="Password (optional)" name="password" type="password" autocomplete="new-password" hint="Without one you get an address that logs them in once, to set their own." />
  <//>`;
}

function EditUser({ name, onClose, onDone }) {
  const found = useResource(at`/users/${name}`);
  const user = found.data;
  const [removing, setRemoving] = useState(false);
  if (removing) {
    return html`<${Confirm} title=${`Remove ${name}?`} submit="Remove" onClose=${() => setRemoving(false)} onConfirm=${async () => { await remove(at`/users/${name}`, { match: user }); tell(`${name} is removed`); onDone(); onClose(); }}>
      <p>Their browsers are logged out. What they did stays in the audit log.</p><//>`;
  }
  if (!user) return html`<${Dialog} title=${name} onClose=${onClose}>${found.error ? html`<${Trouble} problem=${found.error} retry=${found.reload} />` : html`<${Loading} />`}<//>`;
  return html`<${Dialog} title=${name} onClose=${onClose}>
    <${Form} submit="Save" onStale=${found.reload} onCancel=${onClose} onSubmit=${async (data) => {
      const change = { role: data.get("role"), disabled: data.has("disabled") };
      if (data.get("password")) change.password = data.get("password");
      await patch(at`/users/${name}`, change, { match: user });
      tell("Saved");
      onDone();
      onClose();
    }}>
      <${UserName} of=${name} />
      <${Field} label="Role" name="role" options=${ROLES} value=${user.role} />
      <${Field} label="Disabled: may not log in" name="disabled" type="checkbox" value=${user.disabled} />
      <${Field} label="New password (optional)" name="password" type="password" autocomplete="new-password" hint="Logs all their browsers out." />
    <//>
    <div><button type="button" class="button small danger" onClick=${() => setRemoving(true)}>Remove the user</button></div><//>`;
}

function MakeToken({ onDone, onCancel }) {
  return html`<${Form} submit="Make" onCancel=${onCancel} onSubmit=${async (data) => onDone(await post("/tokens", entered(data, { numbers: ["expires_in_days"] })))}>
    <${Field} label="Name" name="name" required maxlength="100" hint="Which program it is for." />
    <${Field} label="Role" name="role" options=${ROLES} value="viewer" />
    <${Field} label="Expires in days (optional)" name="expires_in_days" type="number" min="1" max="36500" />
  <//>`;
}

function RemoveToken({ token, onDone }) {
  const [open, setOpen] = useState(false);
  return html`<button type="button" class="button small danger" aria-label=${`Remove ${token.name}`} onClick=${() => setOpen(true)}>Remove</button>
    ${open && html`<${Confirm} title=${`Remove ${token.name}?`} submit="Remove" onClose=${() => setOpen(false)} onConfirm=${async () => { await remove(at`/tokens/${token.token_id}`); onDone(); }}><p>Whoever presents it is turned away from now on.</p><//>`}`;
}
