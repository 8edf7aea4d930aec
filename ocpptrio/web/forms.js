// Forms made from the JSON schema of an OCPP request: what GET /actions tells, as fields that people fill in.

import { html, useRef, useState } from "./html.js";
import { Field } from "./components/field.js";
import { forInput, fromInput } from "./format.js";

/** The schema itself, with its reference followed and the "or null" of optional fields taken off. */
export function plain(schema, root) {
  let found = schema;
  for (let depth = 0; depth < 20; depth += 1) {
    if (found.$ref) {
      const path = found.$ref.replace(/^#\//, "").split("/");
      found = { ...path.reduce((part, name) => part?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], root), ...without(found, "$ref") };
    } else if (found.anyOf || found.oneOf) {
      const choices = (found.anyOf ?? found.oneOf).filter((one) => one.type !== "null");
      found = { ...choices[0], ...without(found, "anyOf", "oneOf") };
    } else if (found.allOf?.length === 1) {
      found = { ...found.allOf[0], ...without(found, "allOf") };
    } else break;
  }
  if (Array.isArray(found.type)) found = { ...found, type: found.type.find((one) => one !== "null") };
  return found;
}

function without(object, ...names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** What a form begins with: nothing that is optional, and what is required as far as it can be told. */
export function blank(schema, root = schema) {
  const known = plain(schema, root);
  if (known.const !== undefined) return known.const;
  if (known.enum) return known.enum[0];
  if (known.type === "object" || known.properties) {
    const required = known.required ?? [];
    return Object.fromEntries(Object.entries(known.properties ?? {}).filter(([name]) => required.includes(name)).map(([name, inner]) => [name, blank(inner, root)]));
  }
  if (known.type === "array") return (known.minItems ?? 0) > 0 ? [blank(known.items ?? {}, root)] : [];
  if (known.type === "boolean") return false;
  return undefined; // numbers and texts are for the person
}

/** From fieldName to "Field name". */
export function words(name) {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/^./, (first) => first.toUpperCase()).replace(/ [A-Z](?=[a-z])/g, (part) => part.toLowerCase()).replace(/\bid tag\b/i, "idTag");
}

/**
 * Fields for a schema; `value` is the request as far as it is filled in.
 * @param {{schema: any, value: any, onChange: (value: any) => void, known?: Record<string, [string, string][]>}} props
 *   known: what a field of this name can be, where that is known (connectors, running transactions); `suggest`
 *   in it: what it may be among others (idTags)
 */
export function SchemaForm({ schema, value, onChange, known = {} }) {
  const root = schema;
  const top = plain(schema, root);
  if (Object.keys(top.properties ?? {}).length === 0) return html`<p class="soft">It needs nothing more.</p>`;
  return html`<${Properties} schema=${top} root=${root} value=${value ?? {}} onChange=${onChange} known=${known} />`;
}

function Properties({ schema, root, value, onChange, known }) {
  const required = schema.required ?? [];
  return html`<div class="fields">${Object.entries(schema.properties ?? {})
    .sort(([a], [b]) => required.includes(b) - required.includes(a))
    .map(([name, inner]) => html`<${Property} key=${name} name=${name} schema=${plain(inner, root)} root=${root} known=${known}
      required=${required.includes(name)} value=${value[name]}
      onChange=${(part) => onChange(part === undefined ? without(value, name) : { ...value, [name]: part })} />`)}</div>`;
}

function Property({ name, schema, root, value, onChange, required, known }) {
  const label = required ? words(name) : `${words(name)} (optional)`;
  if (schema.type === "object" || schema.properties) {
    if (value === undefined) {
      return html`<div><button type="button" class="button small" onClick=${() => onChange(blank(schema, root))}>Add ${words(name).toLowerCase()}</button></div>`;
    }
    return html`<fieldset class="group"><legend>${words(name)} ${!required && html`<button type="button" class="button small quiet" onClick=${() => onChange(undefined)}>Remove</button>`}</legend>
      <${Properties} schema=${schema} root=${root} value=${value} onChange=${onChange} known=${known} /></fieldset>`;
  }
  if (schema.type === "array") return html`<${Items} ...${{ name, schema, root, value: value ?? [], onChange, known }} />`;
  return html`<${Single} ...${{ name, label, schema, value, onChange, required, known }} />`;
}

let lastItem = 0;

function Items({ name, schema, root, value, onChange, known }) {
  const inner = plain(schema.items ?? {}, root);
  // Each keeps its fields, and with them what was typed, when one before it is removed.
  const ids = useRef([]).current;
  while (ids.length < value.length) ids.push(++lastItem);
  function drop(index) {
    ids.splice(index, 1);
    onChange(value.filter((_, place) => place !== index));
  }
  const full = schema.maxItems != null && value.length >= schema.maxItems;
  return html`<fieldset class="group"><legend>${words(name)}</legend>
    ${value.map((one, index) => html`<div key=${ids[index]} class="stack tight">
      <${Property} name=${inner.properties ? `${name} ${index + 1}` : name} schema=${inner} root=${root} value=${one} required known=${known}
        onChange=${(part) => onChange(value.map((other, place) => (place === index ? part : other)))} />
      <div><button type="button" class="button small quiet" onClick=${() => drop(index)}>Remove ${index + 1}</button></div></div>`)}
    <div><button type="button" class="button small" disabled=${full} onClick=${() => onChange([...value, blank(inner, root)])}>Add one</button></div></fieldset>`;
}

function Single({ name, label, schema, value, onChange, required, known }) {
  const hint = schema.description;
  const choices = schema.enum ? schema.enum.map((one) => [String(one), String(one)]) : known[name];
  const number = schema.type === "integer" || schema.type === "number";
  const read = (text) => onChange(text === "" ? undefined : number ? Number(text) : text);
  if (choices) {
    const all = required && schema.enum ? choices : [["", required ? "Choose" : "Leave out"], ...choices];
    return html`<${Field} label=${label} hint=${hint} required=${required} held value=${value} options=${all} onInput=${read} />`;
  }
  if (schema.type === "boolean") {
    return html`<${Field} label=${label} hint=${hint} held value=${value === undefined ? "" : String(value)} options=${[...(required ? [] : [["", "Leave out"]]), ["true", "Yes"], ["false", "No"]]} onInput=${(text) => onChange(text === "" ? undefined : text === "true")} />`;
  }
  if (number) {
    return html`<${Field} label=${label} hint=${hint} type="number" step=${schema.type === "integer" ? 1 : "any"} min=${schema.minimum} max=${schema.maximum} required=${required} value=${value} onInput=${read} />`;
  }
  if (schema.format === "date-time") {
    return html`<${Field} label=${label} hint=${hint ?? "In your own time zone."} type="datetime-local" step="1" required=${required} value=${value ? forInput(new Date(value)) : ""}
      onInput=${(text) => onChange(fromInput(text) || undefined)} />`;
  }
  return html`<${Field} label=${label} hint=${hint} maxlength=${schema.maxLength} required=${required} suggest=${known.suggest?.[name]} value=${value} onInput=${read} area=${(schema.maxLength ?? 0) > 500} />`;
}

/** A request as a form or, for those who prefer it, as JSON. */
export function RequestForm({ schema, value, onChange, known }) {
  const [text, setText] = useState(null);
  const [wrong, setWrong] = useState(null);
  if (text !== null) {
    return html`<div class="stack tight"><${Field} label="Request as JSON" area mono rows="8" spellcheck="false" value=${text} wrong=${wrong} onInput=${(typed) => {
      try {
        onChange(JSON.parse(typed));
        setWrong(null);
      } catch (error) {
        setWrong(`Not JSON yet: ${error.message}`);
      }
    }} /><div><button type="button" class="button small quiet" onClick=${() => { setText(null); setWrong(null); }}>Back to the form</button></div></div>`;
  }
  return html`<div class="stack tight"><${SchemaForm} schema=${schema} value=${value} onChange=${onChange} known=${known} />
    <div><button type="button" class="button small quiet" onClick=${() => setText(JSON.stringify(value ?? {}, null, 2))}>As JSON</button></div></div>`;
}
