// The central system itself: version, addresses, size, how long things are kept, how fast it works.

import { html, useEffect } from "../html.js";
import { useResource } from "../api.js";
import { Copy, Facts, Figure, Loading, PageHead, Panel, Time, Trouble } from "../components/basics.js";
import { Mark } from "../components/mark.js";
import { bytes, count, duration, plural, quantity } from "../format.js";
import { connectTo } from "./overview.js";

const EVERY_MS = 5000;

export default function System() {
  const found = useResource("/system");
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && found.reload(), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const it = found.data;
  if (!it) return html`<${PageHead} title="System" />${found.error ? html`<${Trouble} problem=${found.error} retry=${found.reload} />` : html`<section class="panel"><${Loading} lines=${8} /></section>`}`;
  const { throughput, commit, gc } = it;
  return html`<${PageHead} title="System"><a class="button" href="/metrics" target="_blank">Metrics</a><a class="button" href="/api/docs">API</a><//>
    <div class="stack"><${Trouble} problem=${found.error} />
      <section class="figures" aria-label="In numbers">
        <${Figure} lead name="Messages" value=${rate(throughput.messages_per_s)} unit="a second" detail=${plural(it.connections, "connection")} />
        <${Figure} name="Commit, median" ...${ms(commit.p50_ms)} detail="in the last minute" />
        <${Figure} name="Commit, slowest 1 %" ...${ms(commit.p99_ms)} detail="takes this or longer" />
        <${Figure} name="Database" value=${bytes(it.database.size_bytes)} detail=${`${bytes(it.database.wal_bytes)} in its log`} />
      </section>
      <div class="panels">
        <div class="stack">
          <${Panel} title="Central system"><${Facts} of=${[["Version", it.version], ["Running since", html`<${Time} at=${it.started_at} as="full" /> (${duration(it.uptime_s)})`],
            ["OCPP address", html`<${Copy} text=${connectTo()} />`], ["Database", html`<code>${it.database.path}</code>`], ["Schema", it.database.schema],
            ["Live streams", count(it.streams)], ["MQTT", !it.mqtt && html`off; section [mqtt] of config.toml turns it on`]]} /><//>
          ${it.mqtt && html`<${Mqtt} of=${it.mqtt} />`}
          <${Panel} title="Load"><${Facts} of=${[["Received", `${rate(throughput.received_per_s)} a second`], ["Sent", `${rate(throughput.sent_per_s)} a second`],
            ["Commits", `${rate(commit.commits_per_s)} a second`], ["Waiting to be stored", count(commit.queue)],
            ["Lost before they were stored", commit.lost > 0 ? html`<${Mark} shape="triangle" tone="danger">${plural(commit.lost, "row")}; the log says why<//>` : "nothing"],
            ["Garbage collections", `${count(gc.collections)}, the longest ${quantity(gc.longest_pause_ms, "ms", 1)}`]]} /><//>
        </div>
        <div class="stack">
          <${Panel} title="Rows"><${Facts} of=${Object.entries(it.rows).map(([name, n]) => [label(name), count(n)])} /><//>
          <${Panel} title="How long things are kept"><${Facts} of=${Object.entries(it.retention).map(kept)} /><//>
        </div>
      </div>
    </div>`;
}

function Mqtt({ of: mqtt }) {
  return html`<${Panel} title="MQTT"><${Facts} of=${[["Broker", html`<code>${mqtt.broker}</code>`],
    ["State", mqtt.connected ? html`<${Mark} shape="disc" tone="accent">Connected<//>` : html`<${Mark} shape="triangle" tone="danger">Not connected<//>`], ["Why", mqtt.error],
    ["Behind by", mqtt.delay_s > 0 ? duration(mqtt.delay_s) : "nothing"], ["Lost for their age", mqtt.lost_events > 0 && plural(mqtt.lost_events, "event")]]} /><//>`;
}

const rate = (value) => quantity(value, "", value >= 100 ? 0 : 1).trim();
const ms = (value) => ({ value: rate(value), unit: value == null ? "" : "ms" });

const LABELS = { id_tags: "Tags", rollups: "Meter readings, condensed" };

/** From field_name to "Field name". */
const label = (name) => LABELS[name] ?? name.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());

/** journal_days 30 is "Journal: 30 days". */
function kept([name, n]) {
  const [, what, unit] = name.match(/^(.*)_(\w+)$/);
  return unit === "megabytes" ? [`${label(what)}, at most`, `${count(n)} MB`] : [label(what), `${count(n)} ${unit}`];
}
