// On which terms somebody may charge, as fields: shared by tags and groups of tags.

import { html, useState } from "../html.js";
import { forInput, fromInput, kwhShort } from "../format.js";
import { Field } from "./field.js";
import { Mark } from "./mark.js";

/** @param {{of?: any, folded?: boolean}} props folded: limits that are not set are out of the way */
export function TermsFields({ of: terms = {}, folded = false }) {
  // What is wrong in a field can be told only where it can be seen.
  const [open] = useState(!folded || limits(terms) !== "" || Boolean(terms.expires_at) || terms.max_concurrent != null);
  return html`
    <${Field} label="Note (optional)" name="note" value=${terms.note ?? ""} hint=${folded ? "Whose it is, for instance." : undefined} />
    <${Field} label="Blocked" name="blocked" type="checkbox" value=${terms.blocked ?? false} />
    <details open=${open} onInvalidCapture=${(event) => { event.currentTarget.open = true; }}><summary>Limits: how long, how much, when and where</summary>
    <div class="fields limits"><${LimitFields} of=${terms} /></div></details>`;
}

function LimitFields({ of: terms }) {
  const rights = terms.rights ?? terms;
  return html`
    <div class="fields two">
      <${Field} label="Expires (optional)" name="expires_at" type="datetime-local" value=${terms.expires_at ? forInput(new Date(terms.expires_at)) : ""} />
      <${Field} label="Transactions at a time (optional)" name="max_concurrent" type="number" min="0" value=${terms.max_concurrent ?? ""} hint="0: no limit." />
      <${Field} label="Budget of a day in kWh (optional)" name="day_budget_kwh" type="number" min="0" step="0.001" value=${kilo(terms.day_budget_wh)} />
      <${Field} label="Budget of a month in kWh (optional)" name="month_budget_kwh" type="number" min="0" step="0.001" value=${kilo(terms.month_budget_wh)} />
    </div>
    <${Field} label="Only at these times (optional)" name="week_times" value=${terms.week_times ?? ""} placeholder="mon-fri 08:00-18:00" hint="Days and times of the week, separated by commas." />
    <${Field} label="Only at these charge points (optional)" name="charge_points" value=${(rights.charge_points ?? []).join(", ")} hint="Identities, separated by commas. Nothing named: everywhere." />
    <${Field} label="Only at these groups of charge points (optional)" name="charge_point_groups" value=${(rights.charge_point_groups ?? []).join(", ")} />`;
}

const kilo = (wh) => (wh == null ? "" : wh / 1000);
const names = (text) => text.split(",").map((name) => name.trim()).filter(Boolean);

/** What was entered, as the API takes it; null: no longer. */
export function termsOf(data) {
  const number = (name) => (data.get(name) === "" ? null : Number(data.get(name)));
  const wh = (name) => (data.get(name) === "" ? null : Math.round(Number(data.get(name)) * 1000));
  return {
    blocked: data.has("blocked"), expires_at: fromInput(data.get("expires_at")) || null, max_concurrent: number("max_concurrent"),
    day_budget_wh: wh("day_budget_kwh"), month_budget_wh: wh("month_budget_kwh"), week_times: data.get("week_times") || null, note: data.get("note") || null,
    rights: { charge_points: names(data.get("charge_points")), charge_point_groups: names(data.get("charge_point_groups")) },
  };
}

export function TermsMark({ of: terms }) {
  if (terms.blocked) return html`<${Mark} shape="bar" tone="danger">Blocked<//>`;
  if (terms.expires_at && new Date(terms.expires_at) < new Date()) return html`<${Mark} shape="bar" tone="warn">Expired<//>`;
  return html`<${Mark} shape="done" tone="accent">May charge<//>`;
}

/** What limits it, in a few words. */
export function limits(terms) {
  const rights = terms.rights ?? terms;
  return [
    rights.charge_points?.length && `at ${rights.charge_points.join(", ")}`,
    rights.charge_point_groups?.length && `in ${rights.charge_point_groups.join(", ")}`,
    terms.week_times, terms.day_budget_wh != null && `${kwhShort(terms.day_budget_wh)} kWh a day`,
    terms.month_budget_wh != null && `${kwhShort(terms.month_budget_wh)} kWh a month`,
  ].filter(Boolean).join("; ");
}
