// Who is told of alerts, how and when. The fields are those that the API has, whatever they are.

import { html, useState } from "../html.js";
import { post, put, useResource } from "../api.js";
import { Loading, PageHead, Panel, Trouble } from "../components/basics.js";
import { Act, Form } from "../components/dialog.js";
import { Field } from "../components/field.js";
import { may, tell } from "../state.js";

export default function AlertSettings() {
  const found = useResource("/alerts/settings");
  return html`<${PageHead} title="Who is told, and when" crumb=${["/alerts", "Alerts"]}>
      ${may("admin") && html`<${Act} small=${false} done="A test alert is on its way" action=${() => post("/alerts/test")}>Send a test<//>`}<//>
    <${Trouble} problem=${found.error} retry=${found.reload} />
    ${found.data ? html`<${Panel}><${Settings} of=${found.data} onDone=${found.set} /><//>` : !found.error && html`<section class="panel"><${Loading} /></section>`}`;
}

function Settings({ of: settings, onDone }) {
  const [value, setValue] = useState(settings);
  return html`<${Form} submit="Save" disabled=${!may("admin")} onSubmit=${async () => {
    const answer = await put("/alerts/settings", value, { match: settings });
    onDone(answer ?? value);
    tell("Saved");
  }}><${Fields} value=${value} onChange=${setValue} /><//>`;
}

const words = (name) => name.replaceAll("_", " ").replace(/ s$/, " (seconds)").replace(/ wh$/, " (Wh)").replace(/^./, (first) => first.toUpperCase());

function Fields({ value, onChange }) {
  return html`<div class="fields">${Object.entries(value).map(([name, part]) => {
    const change = (next) => onChange({ ...value, [name]: next });
    const label = words(name);
    if (part !== null && typeof part === "object" && !Array.isArray(part)) {
      return html`<fieldset key=${name} class="group"><legend>${label}</legend><${Fields} value=${part} onChange=${change} /></fieldset>`;
    }
    if (Array.isArray(part) && part.every((one) => typeof one !== "object")) {
      return html`<${Field} key=${name} label=${label} value=${part.join(", ")} hint="Separated by commas." onInput=${(text) => change(text.split(",").map((one) => one.trim()).filter(Boolean))} />`;
    }
    if (Array.isArray(part)) return html`<${Json} key=${name} label=${label} value=${part} onChange=${change} />`;
    if (typeof part === "boolean") return html`<${Field} key=${name} label=${label} type="checkbox" value=${part} onInput=${change} />`;
    if (typeof part === "number") return html`<${Field} key=${name} label=${label} type="number" step="any" value=${part} onInput=${(text) => change(Number(text))} />`;
    return html`<${Field} key=${name} label=${label} type=${/password|secret/.test(name) ? "password" : "text"} value=${part ?? ""} onInput=${(text) => change(text === "" ? null : text)} />`;
  })}</div>`;
}

function Json({ label, value, onChange }) {
  const [wrong, setWrong] = useState(null);
  return html`<${Field} label=${label} area mono rows="4" spellcheck="false" wrong=${wrong} value=${JSON.stringify(value, null, 2)} onInput=${(text) => {
    try {
      onChange(JSON.parse(text));
      setWrong(null);
    } catch (error) {
      setWrong(`Not JSON yet: ${error.message}`);
    }
  }} />`;
}
