// What happens in the whole fleet, as it happens.

import { html } from "../html.js";
import { PageHead } from "../components/basics.js";
import { EventList } from "../components/event_list.js";
import { Field } from "../components/field.js";
import { SuggestingFilter } from "../components/suggesting.js";
import { FREQUENT, KINDS } from "../events.js";
import { words } from "../forms.js";
import { useStream } from "../live.js";
import { refine } from "../router.js";

const GROUPS = {
  security: ["SecurityEventReported", "AttemptRefused", "AuthorizationRefused", "CertificateRequested"],
  transactions: KINDS.filter((kind) => /Transaction|Review|Stop|Budget/.test(kind)),
  states: ["StatusChanged", "Connected", "Disconnected", "Booted", "ConditionRaised", "ConditionCleared", "ConditionEscalated"],
  commands: ["CommandChanged", "TaskChanged", "ConfigurationChanged", "ProvisioningChanged", "WantedConfigurationChanged", "FirmwareStatusChanged"],
};

export default function Events({ query }) {
  const chosen = query.get("kind") ?? "";
  const id = query.get("charge_point_id") ?? "";
  const kind = GROUPS[chosen] ?? (chosen ? [chosen] : KINDS.filter((one) => !FREQUENT.has(one)));
  useStream({ kinds: kind, chargePointId: id || undefined }, null);
  return html`<${PageHead} title="Events" />
    <div class="filters" role="search">
      <${SuggestingFilter} what="point" label="Charge point" value=${id} placeholder="Identity" onChange=${(charge_point_id) => refine({ charge_point_id })} />
      <${Field} label="What" value=${chosen} onInput=${(value) => refine({ kind: value })} options=${[["", "All but the frequent"], ["states", "States and connections"], ["transactions", "Transactions"], ["commands", "Commands and configuration"], ["security", "Security"], ...KINDS.map((one) => [one, words(one)])]} />
    </div>
    <${EventList} key=${`${chosen} ${id}`} query=${{ charge_point_id: id || undefined, kind }} />`;
}
