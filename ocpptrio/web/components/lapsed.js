// Logging in again, over the page as it is, when the session has ended meanwhile: what was typed stays.

import { html } from "../html.js";
import { post } from "../api.js";
import { lapsed, session } from "../state.js";
import { Dialog, Form } from "./dialog.js";
import { Field, UserName } from "./field.js";

export function Lapsed() {
  const who = session.value.user_name;
  const close = () => { lapsed.value = false; };
  // Somebody else begins anew: the page was filled in by this one.
  const other = () => { session.value = null; close(); };
  async function logIn(data) {
    session.value = await post("/session", { user_name: who, password: data.get("password") });
    close();
  }
  return html`<${Dialog} title="Log in again" onClose=${close}>
    <p>Your login has ended. Log in again as <strong>${who}</strong>, and go on where you were: nothing that you typed is lost.</p>
    <${Form} submit="Log in" onSubmit=${logIn} cancel="As somebody else" onCancel=${other}>
      <${UserName} of=${who} />
      <${Field} label="Password" name="password" type="password" autocomplete="current-password" required />
    <//><//>`;
}
