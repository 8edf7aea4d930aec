// The own password.

import { html } from "../html.js";
import { put } from "../api.js";
import { PageHead, Panel } from "../components/basics.js";
import { Form } from "../components/dialog.js";
import { Field, UserName } from "../components/field.js";
import { navigate } from "../router.js";
import { session, tell } from "../state.js";
import { MIN_LENGTH } from "./login.js";

export default function Account() {
  const who = session.value;
  return html`<${PageHead} title="Change password" /><div class="narrow"><${Panel}>
    <${Form} submit="Change password" onSubmit=${async (data) => {
      if (data.get("new_password") !== data.get("again")) throw { title: "The two passwords differ", detail: "Enter the same password twice." };
      const answer = await put("/session/password", { current_password: data.get("current_password") || undefined, new_password: data.get("new_password") });
      if (answer) session.value = answer;
      tell("Password changed", "Other browsers are logged out.");
      navigate("/");
    }}>
      <${UserName} of=${who.user_name} />
      ${who.password_set && html`<${Field} label="Current password" name="current_password" type="password" autocomplete="current-password" required />`}
      <${Field} label="New password" name="new_password" type="password" autocomplete="new-password" required minlength=${MIN_LENGTH} hint="At least ${MIN_LENGTH} characters; a short sentence is good." />
      <${Field} label="The same again" name="again" type="password" autocomplete="new-password" required />
    <//><//></div>`;
}
