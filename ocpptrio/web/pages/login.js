// Logging in: by name and password, or by a one-time address (/login#key=...), then setting a password.

import { html, useEffect, useRef, useState } from "../html.js";
import { get, post, put } from "../api.js";
import { Trouble } from "../components/basics.js";
import { Form } from "../components/dialog.js";
import { Field, UserName } from "../components/field.js";
import { navigate, place } from "../router.js";
import { session, tell } from "../state.js";

export const MIN_LENGTH = 10; // of a password

function Gate({ title, children }) {
  return html`<main class="gate" id="main"><div class="gate-box">
    <div class="brand"><span class="brand-mark" aria-hidden="true"></span>ocpptrio</div>
    <h1 tabindex="-1">${title}</h1>${children}</div></main>`;
}

export default function Login() {
  const key = useRef(new URLSearchParams(location.hash.slice(1)).get("key"));
  const [stage, setStage] = useState(key.current ? "key" : "password");
  const [problem, setProblem] = useState(null);

  useEffect(() => {
    document.title = "Log in · ocpptrio";
    if (!key.current) return;
    history.replaceState(null, "", "/login"); // the key is good once, and has no business in the history
    post("/session", { login_key: key.current }).then(entered, (error) => {
      setProblem(error);
      setStage("password");
    });
  }, []);

  function entered(who) {
    if (who.password_set === false) {
      newcomer.current = who;
      setStage("set");
      // Not yet in `session`: the page would go on before a password is set.
    } else finish(who);
  }
  const newcomer = useRef(null);

  function finish(who) {
    if (place.value.path === "/login") navigate("/", { replace: true });
    session.value = who;
  }

  async function logIn(data) {
    setProblem(null);
    entered(await post("/session", { user_name: data.get("user_name"), password: data.get("password") }));
  }

  async function setPassword(data) {
    if (data.get("new_password") !== data.get("again")) throw { title: "The two passwords differ", detail: "Enter the same password twice." };
    const headers = { "X-CSRF-Token": newcomer.current.csrf_token };
    const who = await put("/session/password", { new_password: data.get("new_password") }, { headers });
    finish(who ?? (await get("/session")));
    tell("Password set");
  }

  if (stage === "key") return html`<${Gate} title="Logging you in"><p class="soft">One moment …</p><//>`;
  if (stage === "set") {
    return html`<${Gate} title="Set a password">
      <p class="soft">You are logged in as <strong>${newcomer.current.user_name}</strong>. The address that brought you here works once; next time you need a password.</p>
      <${Form} submit="Set password" onSubmit=${setPassword} cancel="Later" onCancel=${() => finish(newcomer.current)}>
        <${UserName} of=${newcomer.current.user_name} />
        <${Field} label="New password" name="new_password" type="password" autocomplete="new-password" required minlength=${MIN_LENGTH} hint="At least ${MIN_LENGTH} characters; a short sentence is good." />
        <${Field} label="The same again" name="again" type="password" autocomplete="new-password" required />
      <//><//>`;
  }
  return html`<${Gate} title="Log in">
    <${Trouble} problem=${problem} />
    <${Form} submit="Log in" onSubmit=${logIn}>
      <${Field} label="Name" name="user_name" autocomplete="username" autocapitalize="none" spellcheck="false" required />
      <${Field} label="Password" name="password" type="password" autocomplete="current-password" required />
    <//>
    <p class="soft">No password, or a lost one? On the machine of the central system, <code>ocpptrio users login-link NAME</code> prints an address that logs you in once.</p><//>`;
}
