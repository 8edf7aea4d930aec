// Who is told of alerts, how and when, as the configuration says; and a test of it.

import { html, useState } from "../html.js";
import { post, useResource } from "../api.js";
import { Empty, Facts, Loading, Notice, PageHead, Panel, Time, Trouble } from "../components/basics.js";
import { Act } from "../components/dialog.js";
import { Mark } from "../components/mark.js";
import { Table } from "../components/table.js";
import { duration } from "../format.js";

export default function AlertSettings() {
  const found = useResource("/alerts/settings");
  const [results, setResults] = useState(null);
  const it = found.data;
  const test = html`<${Act} small=${false} action=${async () => {
    const answer = await post("/alerts/test");
    setResults(answer.items);
    found.reload();
  }}>Send a test<//>`;
  return html`<${PageHead} title="Who is told, and when" crumb=${["/alerts", "Alerts"]} lead="This is set in config.toml, section [alerts], where its secrets stay out of sight. Restart the daemon after a change.">${it && it.destinations.length > 0 && test}<//>
    <${Trouble} problem=${found.error} retry=${found.reload} />
    ${!it ? !found.error && html`<section class="panel"><${Loading} /></section>` : html`<div class="stack">
      ${results?.map((one) => (one.error ? html`<${Notice} key=${one.name}><p><strong>${one.name}:</strong> ${one.error}</p><//>` : html`<p key=${one.name}><${Mark} shape="done" tone="accent">${one.name} took the test<//></p>`))}
      <${Panel} flush title="Who is told">${it.destinations.length === 0
        ? html`<${Empty} title="Nobody is told yet"><p>Alerts are shown here all the same. To have them sent, name an address for e-mail or a webhook in config.toml:</p>
          <pre class="secret">${'[alerts]\nsmtp_host = "mail.example.com"\nmail_from = "ocpp@example.com"\nmail_to = ["operator@example.com"]'}</pre><//>`
        : html`<${Table} caption="Who is told" rowKey=${(one) => one.name} rows=${it.destinations} columns=${[
          { head: "To", cell: (one) => html`<strong>${one.name}</strong>` },
          { head: "Last sent", cell: (one) => html`<${Time} at=${one.last_sent_at} />` },
          { head: "State", cell: (one) => (one.last_error ? html`<${Mark} shape="cross" tone="danger">Failed<//><br /><small>${one.last_error}</small>` : html`<${Mark} shape="done" tone="accent">Works<//>`) },
        ]} />`}<//>
      <${Panel} title="Of what, and when"><${Facts} of=${[
        ["Of what", it.kinds.join(", ")], ["Security events", it.security_events.join(", ")], ["Quiet hours", it.quiet_hours ? `${it.quiet_hours} (${it.time_zone})` : "none"],
        ["Told in quiet hours, too", it.urgent_kinds.join(", ")], ["Waits whether it passes", duration(it.settle_s)], ["Between two messages", duration(it.pause_s)],
        ["E-mail", it.smtp_host && `${it.mail_from} to ${it.mail_to.join(", ")} by ${it.smtp_host}:${it.smtp_port} (${it.smtp_security})`], ["Webhook", it.webhook_url],
      ]} /><//></div>`}`;
}
