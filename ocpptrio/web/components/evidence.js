// Evidence: the facts from which something was concluded.

import { html } from "../html.js";
import { kwh } from "../format.js";
import { Time } from "./basics.js";

export function Evidence({ facts }) {
  return html`<ul class="evidence">${(facts ?? []).map((fact, index) => html`<li key=${index}>${fact.what}${fact.at && html` <${Time} at=${fact.at} />`}${fact.wh != null && ` ${kwh(fact.wh)}`}${fact.detail && html` <span class="soft">(${fact.detail})</span>`}</li>`)}</ul>`;
}
