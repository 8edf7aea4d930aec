// What happened to one charge point.

import { html } from "../../html.js";
import { EventList } from "../../components/event_list.js";

export default function Events({ cp }) {
  return html`<${EventList} query=${{ charge_point_id: cp.charge_point_id }} withPoint=${false} />`;
}
