// One field of a form, with its label, hint and what is wrong with it tied to it.

import { html, useEffect, useState } from "../html.js";

let lastId = 0;

/**
 * @param {{label: string, name: string, hint?: string, type?: string, suggest?: string[], options?: [string, string][], value?: any,
 *   required?: boolean, onInput?: (value: any) => void, held?: boolean, follows?: boolean, class?: string}} props further
 *   ones go to the input; held: `value` is what it shows, whatever was typed. Otherwise it is what it begins with: live
 *   events draw pages anew all the time, and must not undo what somebody is typing. follows: a `value` that changes is
 *   shown, unless somebody is typing: for filters, which links change, too.
 */
export function Field({ label, hint, wrong, options, type = "text", value, held, follows, onInput, area, mono, suggest, class: className = "", ...rest }) {
  const [id] = useState(() => `field-${++lastId}`);
  useEffect(() => {
    const input = follows ? document.getElementById(id) : null;
    if (input && input !== document.activeElement) input.value = value ?? "";
  }, [follows && value]);
  // What is wrong is not sent, and what was typed before it neither.
  useEffect(() => document.getElementById(id)?.setCustomValidity(wrong ?? ""), [wrong]);
  const about = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
  const common = { id, "aria-describedby": about, "aria-invalid": wrong ? "true" : undefined, ...rest };
  if (mono) common.class = "mono";
  if (suggest) common.list = `${id}-list`;
  if (onInput) common.onInput = (event) => onInput(type === "checkbox" ? event.target.checked : event.target.value);
  if (type === "checkbox") {
    common[held ? "checked" : "defaultChecked"] = Boolean(value);
    return html`<div class="field ${className}"><label class="check"><input type="checkbox" ...${common} />${label}</label>
      ${hint && html`<span class="hint" id="${id}-hint">${hint}</span>`}</div>`;
  }
  if (!options) common[held ? "value" : "defaultValue"] = value ?? "";
  return html`<div class="field ${className}">
    <label for=${id}>${label}</label>
    ${options
      ? html`<select ...${common}>${options.map(([name, word]) => html`<option key=${name} value=${name} selected=${String(value ?? "") === name}>${word}</option>`)}</select>`
      : area ? html`<textarea ...${common}></textarea>`
        : html`<input type=${type} ...${common} />`}
    ${suggest && html`<datalist id="${id}-list">${suggest.map((one) => html`<option key=${one} value=${one}></option>`)}</datalist>`}
    ${hint && html`<span class="hint" id="${id}-hint">${hint}</span>`}
    ${wrong && html`<span class="wrong" id="${id}-wrong">${wrong}</span>`}
  </div>`;
}

/** Whose password a form asks for, for the browser that keeps it; not to be seen. */
export function UserName({ of: name }) {
  return html`<input type="text" name="user_name" autocomplete="username" value=${name} hidden readonly aria-hidden="true" tabindex="-1" />`;
}

/** What a person types is taken up when he pauses. */
export function SearchField({ label, value, onChange, placeholder }) {
  const [timer] = useState({ id: 0 });
  return html`<${Field} follows class="search" type="search" label=${label} value=${value} placeholder=${placeholder} autocomplete="off"
    onInput=${(text) => { clearTimeout(timer.id); timer.id = setTimeout(() => onChange(text), 250); }} />`;
}

/** What was entered, without empty fields. */
export function entered(data, { numbers = [], flags = [] } = {}) {
  const values = {};
  for (const [name, value] of data.entries()) {
    if (value === "") continue;
    values[name] = numbers.includes(name) ? Number(value) : value;
  }
  for (const name of flags) values[name] = data.has(name);
  return values;
}
