// Marks: the state of a thing as a shape and a word. Colour only helps.

import { html } from "../html.js";

const ring = html`<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2" />`;
const disc = html`<circle cx="8" cy="8" r="7" fill="currentColor" />`;
const cut = "var(--surface)";

/** Shapes by name, drawn in a square of 16. */
const SHAPES = {
  ring,
  disc,
  dashed: html`<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="2.4 2.3" />`,
  half: html`${ring}<path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor" />`,
  bolt: html`${disc}<path d="M8.9 2.8 4.9 8.9h2.6l-.6 4.3 4.2-6.1H8.4Z" fill=${cut} />`,
  pause: html`${ring}<path d="M6.4 5.6v4.8M9.6 5.6v4.8" stroke="currentColor" stroke-width="1.6" />`,
  check: html`${ring}<path d="m5.3 8.2 1.9 1.9 3.6-3.9" fill="none" stroke="currentColor" stroke-width="1.6" />`,
  done: html`${disc}<path d="m4.7 8.3 2.3 2.3 4.3-4.7" fill="none" stroke=${cut} stroke-width="1.8" />`,
  bar: html`${ring}<path d="M4.5 8h7" stroke="currentColor" stroke-width="2" />`,
  cross: html`${ring}<path d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" stroke="currentColor" stroke-width="1.6" />`,
  diamond: html`<path d="m8 1.8 6.2 6.2L8 14.2 1.8 8Z" fill="none" stroke="currentColor" stroke-width="2" />`,
  triangle: html`<path d="M8 1 15.5 14.5H.5Z" fill="currentColor" /><path d="M8 5.6v4M8 11.2v1.6" stroke=${cut} stroke-width="1.7" />`,
  up: html`<path d="M8 13.5v-10M3.8 7.2 8 3l4.2 4.2" fill="none" stroke="currentColor" stroke-width="1.8" />`,
  down: html`<path d="M8 2.5v10M3.8 8.8 8 13l4.2-4.2" fill="none" stroke="currentColor" stroke-width="1.8" />`,
};

/** [shape, tone, word] */
const CONNECTOR = {
  Available: ["ring", "", "Available"],
  Preparing: ["half", "", "Preparing"],
  Charging: ["bolt", "accent", "Charging"],
  SuspendedEVSE: ["pause", "", "Suspended by EVSE"],
  SuspendedEV: ["pause", "", "Suspended by EV"],
  Finishing: ["check", "", "Finishing"],
  Reserved: ["diamond", "", "Reserved"],
  Unavailable: ["bar", "faint", "Unavailable"],
  Faulted: ["triangle", "danger", "Faulted"],
  Unknown: ["dashed", "faint", "Not told yet"],
};

const COMMAND = {
  queued: ["dashed", "faint"], sent: ["half", ""], answered: ["done", "accent"], refused: ["cross", "danger"],
  "timed out": ["triangle", "danger"], "outcome unknown": ["triangle", "warn"], failed: ["cross", "danger"],
  expired: ["bar", "faint"], cancelled: ["bar", "faint"],
};
const EFFECT = {
  awaited: ["half", "", "Effect awaited"], seen: ["done", "accent", "Took effect"], failed: ["cross", "danger", "Effect failed"],
  "not seen in time": ["triangle", "warn", "Effect not seen in time"],
};
const TRANSACTION = {
  open: ["bolt", "accent", "Running"], stopped: ["done", "", "Stopped"], superseded: ["check", "", "Superseded"],
  concluded: ["check", "", "Concluded"],
};
/** What answers say when they do not refuse. */
export const YES = new Set(["Accepted", "AcceptedCanceled", "Scheduled", "RebootRequired", "Unlocked"]);

export function Mark({ shape, tone = "", children, title }) {
  return html`<span class="mark ${tone}" title=${title}><svg viewBox="0 0 16 16" aria-hidden="true">${SHAPES[shape]}</svg><span>${children}</span></span>`;
}

export function Glyph({ shape }) {
  return html`<svg viewBox="0 0 16 16" aria-hidden="true">${SHAPES[shape]}</svg>`;
}

/** The state of a connector; of one whose charge point is away it is the last known. */
export function ConnectorMark({ status, away = false }) {
  const [shape, tone, word] = CONNECTOR[status] ?? ["ring", "", status];
  if (away) return html`<${Mark} shape="dashed" tone="faint" title="Last known state; the charge point is offline">Was ${word.toLowerCase()}<//>`;
  return html`<${Mark} shape=${shape} tone=${tone}>${word}<//>`;
}

export const connectorTone = (status) => CONNECTOR[status]?.[1] ?? "";
export const connectorWord = (status) => CONNECTOR[status]?.[2] ?? status;

export function Presence({ connected }) {
  return connected ? html`<${Mark} shape="disc" tone="accent">Connected<//>` : html`<${Mark} shape="dashed" tone="faint">Offline<//>`;
}

export function TransactionMark({ transaction }) {
  if (transaction.authorization_status && transaction.authorization_status !== "Accepted") {
    return html`<${Mark} shape="cross" tone="danger">Refused: ${transaction.authorization_status}<//>`;
  }
  if (transaction.state === "open" && transaction.suspect_since) return html`<${Mark} shape="triangle" tone="warn">Perhaps over<//>`;
  const [shape, tone, word] = TRANSACTION[transaction.state] ?? ["ring", "", transaction.state];
  return html`<${Mark} shape=${shape} tone=${tone}>${word}<//>`;
}

/** How far a command came: asked, answered, took effect. */
export function CommandSteps({ command }) {
  const [shape, tone] = COMMAND[command.state] ?? ["ring", ""];
  const refused = command.status && !YES.has(command.status);
  const effect = EFFECT[command.effect];
  return html`<span class="steps">
    ${command.state === "answered"
      ? html`<${Mark} shape=${refused ? "cross" : shape} tone=${refused ? "warn" : tone}>${command.status ?? "Answered"}<//>`
      : html`<${Mark} shape=${shape} tone=${tone}>${command.state[0].toUpperCase() + command.state.slice(1)}<//>`}
    ${effect && html`<span class="sep" aria-hidden="true">→</span><${Mark} shape=${effect[0]} tone=${effect[1]} title=${command.effect_detail}>${effect[2]}<//>`}
  </span>`;
}
