// Small parts that every page uses: page head, notices, empty states, times, copying, loading.

import { html, signal, useEffect, useRef, useState } from "../html.js";
import { ago, full, moment } from "../format.js";

/** A clock that ticks every 5 s, for durations that grow on the page. */
const tick = signal(Date.now());
setInterval(() => {
  if (!document.hidden) tick.value = Date.now();
}, 5000);
export const now = () => tick.value;

/** The heading of a page; `crumb` leads back to the list. */
export function PageHead({ title, crumb, lead, children }) {
  useEffect(() => {
    document.title = `${title} · ocpptrio`;
  }, [title]);
  return html`<div class="page-head">
    <div>${crumb && html`<a class="crumb" href=${crumb[0]}>← ${crumb[1]}</a>`}<h1 tabindex="-1">${title}</h1></div>
    ${children && html`<div class="row tight">${children}</div>`}
    ${lead && html`<p class="lead">${lead}</p>`}
  </div>`;
}

/** A time in the person's own zone; the title has it in UTC. */
export function Time({ at, as = "moment" }) {
  if (!at) return html`<span class="soft">–</span>`;
  if (as === "ago") tick.value;
  const text = as === "ago" ? ago(at) : as === "full" ? full(at) : moment(at);
  return html`<time class=${as === "full" ? "" : "nowrap"} datetime=${at} title=${at.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC")}>${text}</time>`;
}

const WARNING = html`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1.6 15.2 14H.8Z" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" /><path d="M8 6v3.6M8 11v1.4" stroke="currentColor" stroke-width="1.6" /></svg>`;

/** What the API says is wrong, with the fields it names. */
export function Trouble({ problem, retry, word = "Try again" }) {
  if (!problem) return null;
  return html`<div class="notice wrong" role="alert">${WARNING}<div>
    <strong>${problem.title ?? "That did not work"}</strong>
    ${problem.errors?.length > 0 ? html`<ul>${problem.errors.map((one) => html`<li key=${one.field}><code>${one.field}</code>: ${one.reason}</li>`)}</ul>`
      : problem.detail && html`<span>${problem.detail}</span>`}
    ${retry && problem.status !== 404 && html`<span><button type="button" class="button small" onClick=${retry}>${word}</button></span>`}
  </div></div>`;
}

export function Notice({ tone = "warn", children }) {
  return html`<div class="notice ${tone}">${WARNING}<div>${children}</div></div>`;
}

/** What to do first, where there is nothing yet. */
export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

/** A text, and a button that copies it; `secret`: shown once; `short`: on one line, as far as it fits. Over plain HTTP there is no clipboard: then it is selected and copied the old way. */
export function Copy({ text, secret, short }) {
  const shown = useRef(null);
  const [word, setWord] = useState("Copy");
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setWord("Copied");
    } catch {
      getSelection().selectAllChildren(shown.current);
      setWord(document.execCommand("copy") ? "Copied" : "Selected");
    }
    setTimeout(() => setWord("Copy"), 2000);
  }
  return html`<span class="copy"><code ref=${shown} class=${secret ? "secret" : short ? "clip" : ""} title=${short && text}>${text}</code><button type="button" class="button small" onClick=${copy}>${word}</button></span>`;
}

export function Loading({ lines = 4 }) {
  return html`<div class="stack tight" role="status"><span class="visually-hidden">Loading</span>
    ${Array.from({ length: lines }, (_, index) => html`<div key=${index} class="skeleton-line" aria-hidden="true"></div>`)}
  </div>`;
}

/** @param {{title?: string, actions?: any, flush?: boolean, children: any}} props */
export function Panel({ title, actions, flush, children }) {
  return html`<section class="panel ${flush ? "flush" : ""}">
    ${(title || actions) && html`<header>${title ? html`<h2>${title}</h2>` : html`<span></span>`}${actions && html`<div class="row tight">${actions}</div>`}</header>`}
    ${children}
  </section>`;
}

/** A number that stands out; `small`: it is rather a word. */
export function Figure({ name, value, unit, detail, lead, small }) {
  return html`<div class="figure ${lead ? "lead" : ""}"><span class="name">${name}</span>
    <span class="value ${small ? "small" : ""}">${value}${unit && html` <small>${unit}</small>`}</span><span class="detail">${detail ?? html`${" "}`}</span></div>`;
}

/** Terms and what they are; those without a value are left out unless `all`. */
export function Facts({ of, all = false }) {
  return html`<dl class="facts">${of
    .filter(([, value]) => all || (value !== null && value !== undefined && value !== "" && value !== false))
    .map(([name, value]) => html`<dt key=${name}>${name}</dt><dd>${value ?? "–"}</dd>`)}</dl>`;
}

export function Tabs({ base, tabs, current, label }) {
  const element = useRef(null);
  // On a phone not all of them are in sight.
  useEffect(() => {
    const tab = element.current.querySelector("[aria-current]");
    if (tab) element.current.scrollLeft = tab.offsetLeft - (element.current.clientWidth - tab.offsetWidth) / 2;
  }, [current]);
  return html`<nav ref=${element} class="tabs" aria-label=${label}>${tabs.map(([name, word]) => html`<a
    key=${name} href=${name ? `${base}/${name}` : base} aria-current=${name === (current ?? "") ? "page" : undefined}>${word}</a>`)}</nav>`;
}

export function Segments({ value, options, onChange, label }) {
  return html`<div class="segments" role="group" aria-label=${label}>${options.map(([name, word]) => html`<button
    key=${name} type="button" aria-pressed=${value === name ? "true" : "false"} onClick=${() => onChange(name)}>${word}</button>`)}</div>`;
}
