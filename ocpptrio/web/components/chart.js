// A chart over time on uPlot, which is loaded when the first chart is shown. Colours follow the theme.

import { html, useEffect, useRef, useState } from "../html.js";
import { quantity } from "../format.js";
import { complain, theme } from "../state.js";

let library = null;

async function load() {
  library ??= import("../vendor/uplot.js").then((module) => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = "/vendor/uplot.css";
    document.head.append(sheet);
    return module.default;
  });
  library.catch(() => { library = null; }); // the next chart tries again
  return library;
}

/** The colour behind a token, as a canvas needs it. */
function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  probe.style.display = "none";
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** @typedef {{label: string, values: (number|null)[], unit: string, decimals?: number, tone?: string, fill?: boolean, axis?: "left"|"right", dash?: number[]}} Line */

/**
 * @param {{times: number[], lines: Line[], label: string, height?: number, from?: number, to?: number}} props
 *   times: seconds since 1970
 */
export function Chart({ times, lines, label, height = 240, from, to }) {
  const holder = useRef(null);
  const plot = useRef(null);
  const [ready, setReady] = useState(null);
  const [dark, setDark] = useState(0);
  const shape = `${lines.map((line) => `${line.label}${line.unit}${line.axis}`).join()} ${theme.value} ${dark} ${height}`;

  useEffect(() => {
    let wanted = true;
    load().then((uPlot) => wanted && setReady(() => uPlot), () => wanted && complain({ title: "The chart could not be loaded", detail: "Load the whole page again." }));
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setDark((n) => n + 1);
    scheme.addEventListener("change", changed);
    return () => { wanted = false; scheme.removeEventListener("change", changed); };
  }, []);

  const range = useRef([from, to]);
  range.current = [from, to];
  useEffect(() => {
    if (!ready) return undefined;
    const element = holder.current;
    plot.current = new ready(options(lines, element.clientWidth, height, range), [times, ...lines.map((line) => line.values)], element);
    const watcher = new ResizeObserver(() => plot.current.setSize({ width: element.clientWidth, height }));
    watcher.observe(element);
    return () => { watcher.disconnect(); plot.current.destroy(); plot.current = null; };
  }, [ready, shape]);
  useEffect(() => {
    plot.current?.setData([times, ...lines.map((line) => line.values)]);
  }, [times, lines.map((line) => line.values.length).join(), from, to]);

  return html`<div class="chart" ref=${holder} role="img" aria-label=${summary(label, lines)}></div>`;
}

function summary(label, lines) {
  const told = lines.map((line) => {
    const known = line.values.filter((value) => value != null);
    if (known.length === 0) return null;
    const show = (value) => quantity(value, line.unit, line.decimals ?? 2);
    return `${line.label}: last ${show(known.at(-1))}, highest ${show(known.reduce((a, b) => Math.max(a, b)))}`;
  });
  return [label, ...told.filter(Boolean)].join(". ");
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** The time of day as the person writes it, with the day where it begins. */
function clocks(marks) {
  let before = "";
  const clock = marks.length > 1 && marks[1] - marks[0] < 60 ? SECONDS : CLOCK;
  return marks.map((mark, index) => {
    const when = new Date(mark * 1000);
    const day = DAY.format(when);
    const text = index > 0 && day !== before ? `${clock.format(when)}\n${day}` : clock.format(when);
    before = day;
    return text;
  });
}

function options(lines, width, height, range) {
  const ink = colour("--ink-soft");
  const grid = { stroke: colour("--line"), width: 1 };
  const font = "12px system-ui, sans-serif";
  const sides = [...new Set(lines.map((line) => line.axis ?? "left"))];
  const tones = ["--accent", "--warn", "--ink-soft", "--danger"];
  return {
    width, height,
    // Half of the last time of day stands beyond the plot, where no axis has room for it.
    padding: [null, sides.includes("right") ? null : 40, null, null],
    cursor: { points: { size: 7 } },
    scales: {
      x: { time: true, range: (_, low, high) => [range.current[0] ?? low, range.current[1] ?? high] },
      ...Object.fromEntries(sides.map((side) => [side, { range: lines.find((one) => (one.axis ?? "left") === side).unit === "%" ? [0, 100] : (_, low, high) => [Math.min(0, low ?? 0), (high ?? 0) > 0 ? high * 1.08 : 1] }])),
    },
    axes: [
      { stroke: ink, grid: { show: false }, ticks: grid, font, space: 90, values: (_, marks) => clocks(marks) },
      ...sides.map((side) => {
        const line = lines.find((one) => (one.axis ?? "left") === side);
        return { scale: side, side: side === "left" ? 3 : 1, stroke: ink, grid: side === sides[0] ? grid : { show: false }, ticks: { show: false }, font, size: 62, values: (_, marks) => marks.map((mark) => `${mark.toLocaleString()} ${line.unit}`) };
      }),
    ],
    series: [
      { label: "Time", value: (_, x) => (x == null ? "–" : new Date(x * 1000).toLocaleString()) },
      ...lines.map((line, index) => {
        const stroke = colour(line.tone ?? tones[index % tones.length]);
        return {
          label: line.label, scale: line.axis ?? "left", stroke, width: 2, dash: line.dash, spanGaps: true, points: { show: (plot) => plot.data[0].length < 3 },
          fill: line.fill ? stroke.replace(/^rgb\(([^)]*)\)$/, "rgba($1, 0.12)") : undefined,
          value: (_, value) => quantity(value, line.unit, line.decimals ?? 2),
        };
      }),
    ],
  };
}
