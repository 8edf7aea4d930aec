// Numbers and times for people: kWh, kW, their own time zone. Every function takes null for "not known".

const NONE = "–";
const KWH = new Intl.NumberFormat(undefined, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const KWH_SHORT = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const KW = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const COUNT = new Intl.NumberFormat();
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY_CLOCK = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const kwh = (wh) => (wh == null ? NONE : `${KWH.format(wh / 1000)} kWh`);
export const kwhShort = (wh) => (wh == null ? NONE : KWH_SHORT.format(wh / 1000));
export const kw = (w) => (w == null ? NONE : `${KW.format(w / 1000)} kW`);
/** Alone, without the unit; of hundreds of kilowatts nobody reads the second decimal. */
export const kwNumber = (w) => (w == null ? NONE : (w >= 100_000 ? KWH_SHORT : KW).format(w / 1000));
export const count = (n) => (n == null ? NONE : COUNT.format(n));
export const percent = (n) => (n == null ? NONE : `${Math.round(n)} %`);

/** With a unit, and so many decimals. */
export function quantity(n, unit, decimals) {
  return n == null ? NONE : `${n.toLocaleString(undefined, { minimumFractionDigits: decimals, maximumFractionDigits: decimals })} ${unit}`;
}

/** @param {string|null} text RFC 3339 */
export function clock(text) {
  return text ? CLOCK.format(new Date(text)) : NONE;
}

/** The time of day, with the day if it is not today. */
export function moment(text) {
  if (!text) return NONE;
  const when = new Date(text);
  return when.toDateString() === new Date().toDateString() ? CLOCK.format(when) : DAY_CLOCK.format(when);
}

export function full(text) {
  return text ? FULL.format(new Date(text)) : NONE;
}

/** 1 h 05 min */
export function duration(s) {
  if (s == null || Number.isNaN(s)) return NONE;
  s = Math.max(0, Math.round(s));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  const hours = Math.floor(s / 3600);
  if (hours < 48) return `${hours} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} days`;
}

export const secondsBetween = (from, to) => (from ? ((to ? new Date(to) : new Date()) - new Date(from)) / 1000 : null);

/** "3 min ago" */
export function ago(text) {
  if (!text) return NONE;
  const s = secondsBetween(text);
  if (s < -60) return `in ${duration(-s)}`;
  return s < 5 ? "now" : `${duration(s)} ago`;
}

export function bytes(n) {
  if (n == null) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (n >= 1000 && power < units.length - 1) {
    n /= 1000;
    power += 1;
  }
  return quantity(n, units[power], n >= 100 || power === 0 ? 0 : 1);
}

/** For <input type="datetime-local">, in local time; with seconds where there are any, lest they be lost. */
export function forInput(date) {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60000);
  return local.toISOString().slice(0, 19).replace(/:00$/, "");
}

/** From <input type="datetime-local"> or type="date" to RFC 3339 in UTC; "" for nothing. */
export function fromInput(text) {
  if (!text) return "";
  const when = new Date(text.length === 10 ? `${text}T00:00` : text);
  return Number.isNaN(when.getTime()) ? "" : when.toISOString().replace(/\.\d+Z$/, "Z");
}

/** For <input type="date">: the day of a time that fromInput gave. */
export const dayOf = (text) => (text ? forInput(new Date(text)).slice(0, 10) : "");

/** The end of a day, which a person who says "until" means to be in it: the midnight after. */
export function untilDay(text) {
  if (!text) return "";
  const next = new Date(`${text}T00:00`);
  next.setDate(next.getDate() + 1);
  return next.toISOString().replace(/\.\d+Z$/, "Z");
}

/** For <input type="date">: the day that untilDay was told. */
export function lastDayOf(text) {
  return text ? forInput(new Date(new Date(text).getTime() - 1000)).slice(0, 10) : "";
}

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
