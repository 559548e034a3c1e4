// Filters that stand in the address of a page, so that a link shares them and the back button takes them back.

import { el } from "./shell.js";

/** A labelled control of a form of filters. Its `name` is the field of the address. */
export function field({ name, label, type = "text", options, ...props }) {
  const id = `filter-${name}`;
  if (type === "checkbox") {
    return el("label", { class: "check", for: id }, el("input", { id, name, type, value: "true", ...props }), ` ${label}`);
  }
  const control = options
    ? el("select", { id, name, ...props }, options.map(([value, text]) => el("option", { value }, text)))
    : el("input", { id, name, type, autocomplete: "off", ...props });
  return el("div", { class: "field" }, el("label", { for: id }, label), control);
}

/** The fields of the address that are not empty. */
export const inAddress = () => Object.fromEntries([...new URLSearchParams(location.search)].filter(([, value]) => value !== ""));

/** Show in the form what the address says. Moments stand there as epoch seconds, in the form in the reader's zone. */
export function showInForm(form, fields) {
  for (const control of form.elements) {
    if (!control.name) continue;
    const value = fields[control.name] ?? "";
    if (control.type === "checkbox") control.checked = value === "true";
    else if (control.type === "datetime-local") control.value = value === "" ? "" : local(Number(value));
    else control.value = value;
  }
}

/** What the form says, as fields of the address. */
export function ofForm(form) {
  const fields = {};
  for (const control of form.elements) {
    if (!control.name || (control.type === "checkbox" && !control.checked)) continue;
    const value = control.value.trim();
    if (value) fields[control.name] = control.type === "datetime-local" ? String(new Date(value).getTime() / 1000) : value;
  }
  return fields;
}

/** Put the fields into the address, as a step of the browser's history, and call `load` with them, now and when it goes back. */
export function followAddress(form, load) {
  const show = () => {
    const fields = inAddress();
    showInForm(form, fields);
    return load(fields);
  };
  const go = (fields) => {
    const query = new URLSearchParams(fields).toString();
    history.pushState(null, "", query ? `${location.pathname}?${query}` : location.pathname);
    return show();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(ofForm(form));
  });
  window.addEventListener("popstate", show);
  show();
  return go;
}

function local(epochS) {
  const moment = new Date(epochS * 1000);
  if (Number.isNaN(moment.getTime())) return "";
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
