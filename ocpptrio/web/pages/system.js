// The central system itself: version, addresses, size, how long things are kept, how fast it works.

import { html, useEffect } from "../html.js";
import { useResource } from "../api.js";
import { Copy, Facts, Loading, PageHead, Panel, Time, Trouble } from "../components/basics.js";
import { bytes, count, duration } from "../format.js";
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
  const speed = it.throughput ?? {};
  const commit = it.commit ?? {};
  return html`<${PageHead} title="System"><a class="button" href="/metrics" target="_blank">Metrics</a><a class="button" href="/api/docs">API</a><//>
    <div class="stack"><${Trouble} problem=${found.error} />
      <section class="figures" aria-label="In numbers">
        <div class="figure lead"><span class="name">Messages</span><span class="value">${number(speed.messages_per_s)} <small>a second</small></span><span class="detail">${count(it.connections)} connections</span></div>
        <div class="figure"><span class="name">Commit, median</span><span class="value">${number(commit.p50_ms)} <small>ms</small></span><span class="detail">${count(commit.queue)} waiting</span></div>
        <div class="figure"><span class="name">Commit, 99 %</span><span class="value">${number(commit.p99_ms)} <small>ms</small></span><span class="detail">${" "}</span></div>
        <div class="figure"><span class="name">Database</span><span class="value">${bytes(it.database?.size_bytes)}</span><span class="detail">${bytes(it.database?.wal_bytes)} in its log</span></div>
      </section>
      <div class="panels">
        <${Panel} title="Central system"><${Facts} of=${[["Version", it.version], ["Running since", html`<${Time} at=${it.started_at} as="full" /> (${duration(it.uptime_s)})`],
          ["Address for charge points", html`<${Copy} text=${connectTo()} />`], ["Database", html`<code>${it.database?.path}</code>`], ["Schema", it.database?.schema]]} /><//>
        <${Panel} title="Rows"><${Facts} of=${entries(it.rows, count)} /><//>
        <${Panel} title="How long things are kept"><${Facts} of=${entries(it.retention)} /><//>
        <${Panel} title="Throughput and memory"><${Facts} of=${[...entries(speed), ...entries(commit), ...entries(it.gc)]} /><//>
      </div>
    </div>`;
}

const number = (value) => (value == null ? "–" : value >= 100 ? count(Math.round(value)) : Number(value).toFixed(1));

const UNITS = { days: "days", ms: "ms", s: "s", bytes: "bytes", wh: "Wh", mb: "MB" };

/** Whatever is told, in words: journal_days 30 is "journal: 30 days". */
function entries(values, show = (value) => value) {
  return Object.entries(values ?? {}).map(([name, value]) => {
    if (name.endsWith("_per_s")) return [name.replace(/_per_s$/, "").replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase()), `${number(value)} a second`];
    const parts = name.split("_");
    const unit = parts.length > 1 ? UNITS[parts.at(-1)] : undefined;
    const label = (unit ? parts.slice(0, -1) : parts).join(" ");
    const text = typeof value === "number" ? (unit === "bytes" ? bytes(value) : `${Number.isInteger(value) ? show(value) : value.toFixed(2)}${unit ? ` ${unit}` : ""}`)
      : value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? "–");
    return [label.replace(/^./, (first) => first.toUpperCase()), text];
  });
}
