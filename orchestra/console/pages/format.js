// Times in the reader's zone, and numbers with their units, as the reader's browser writes them.

/** For what is not known. */
export const none = "–";

const known = (value) => value !== null && value !== undefined && value !== "" && Number.isFinite(Number(value));
const times = (options) => {
  const format = new Intl.DateTimeFormat(undefined, options);
  return (epochS) => (known(epochS) && epochS > 0 ? format.format(new Date(epochS * 1000)) : none);
};
const numbers = (options) => {
  const format = new Intl.NumberFormat(undefined, options);
  return (value) => (known(value) ? format.format(value) : none);
};

/** 14:03:22, of epoch seconds. */
export const clock = times({ timeStyle: "medium" });
export const day = times({ dateStyle: "medium" });
export const dateTime = times({ dateStyle: "medium", timeStyle: "medium" });
const exactly = times({ dateStyle: "full", timeStyle: "long" });

/** A `<time>` that shows this text, the date and time unless given; its title has both with the zone. */
export function timeElement(epochS, text = dateTime(epochS)) {
  if (!known(epochS) || epochS <= 0) return document.createTextNode(none);
  const node = document.createElement("time");
  node.dateTime = new Date(epochS * 1000).toISOString();
  node.title = exactly(epochS);
  node.textContent = text;
  return node;
}

const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const STEPS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** "2 min. ago", of epoch seconds. */
export function ago(epochS) {
  if (!known(epochS) || epochS <= 0) return none;
  const since = epochS - Date.now() / 1000;
  const [unit, size] = STEPS.find(([, each]) => Math.abs(since) >= each) ?? STEPS.at(-1);
  return RELATIVE.format(Math.round(since / size), unit);
}

export const count = numbers({ maximumFractionDigits: 0 });
export const percent = numbers({ style: "percent", maximumFractionDigits: 1 });
const twoPlaces = numbers({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
const onePlace = numbers({ maximumFractionDigits: 1 });

/** "1.24 s" */
export const seconds = (value) => (known(value) ? `${twoPlaces(value)} s` : none);
/** "840 ms" */
export const milliseconds = (value) => (known(value) ? `${count(value)} ms` : none);

/** "3:05" or "1:02:11", of seconds. */
export function duration(value) {
  if (!known(value) || value < 0) return none;
  const whole = Math.floor(value);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** "$0.0123": parts of a cent matter, as long as it is less than one unit. */
export function money(amount, currency) {
  if (!known(amount)) return none;
  const places = amount !== 0 && Math.abs(amount) < 1 ? 4 : 2;
  try {
    const style = { style: "currency", currency, minimumFractionDigits: 2, maximumFractionDigits: places };
    return new Intl.NumberFormat(undefined, style).format(amount);
  } catch {
    return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: places }).format(amount)} ${currency ?? ""}`.trim();
  }
}

const languages = new Intl.DisplayNames(undefined, { type: "language", fallback: "code" });

/** "es-MX" → "Mexican Spanish"; what is no code is shown as it is, at most its beginning. */
export function languageName(code) {
  let name = code;
  try {
    name = languages.of(code);
  } catch {
    // no code: another producer may have written it
  }
  return name.length > 40 ? `${name.slice(0, 40)}…` : name;
}

/** "1.4 MB" */
export function bytes(value) {
  if (!known(value)) return none;
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, Math.abs(value))) / 3));
  return `${onePlace(value / 1000 ** step)} ${units[step]}`;
}
