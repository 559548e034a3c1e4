// What all pages have: the frame around them, and everything that they are made with.

import { api, onAnswer, toSignIn } from "./api.js";
import { confirm, toast } from "./dialogs.js";
import { el, fill } from "./elements.js";

export { ApiError, api, live, requestId, toSignIn, withQuery } from "./api.js";
export { ask, confirm, emptyState, errorState, loading, toast } from "./dialogs.js";
export { el, fill, svg } from "./elements.js";
export { ago, bytes, clock, count, dateTime, day, duration, languageName, milliseconds, money, none, percent, seconds, timeElement } from "./format.js";
export { table } from "./table.js";

const SECTIONS = [
  ["live", "/", "Live"],
  ["calls", "/calls", "Calls"],
  ["figures", "/figures", "Figures"],
  ["versions", "/versions", "Versions"],
  ["streams", "/streams", "Streams"],
  ["results", "/results", "Results"],
];
const ROLES = ["read", "operate", "admin"];
const ASK_EVERY_MS = 5000;

/** Whether an operator's role includes this one. */
export const may = (operator, role) => ROLES.indexOf(operator.role) >= ROLES.indexOf(role);

/**
 * Build the frame: navigation, banner, `<main>` with its heading (unless `heading: false`). Resolves to where the page
 * goes, and who looks at it; where nobody is signed in, to nothing, on the way to the sign-in page.
 */
export async function openPage({ title, section, heading = true }) {
  document.title = `${title} – Orchestra`;
  const main = el("main", { id: "main", tabindex: "-1" }, heading ? el("h1", {}, title) : null);
  const who = el("div", { class: "who" });
  document.body.replaceChildren(
    el("a", { class: "skip", href: "#main" }, "Skip to the content"),
    el("header", {}, el("a", { class: "brand", href: "/" }, "Orchestra"), navigation(section), who),
    banner(),
    main,
    el("div", { id: "news", class: "toasts", role: "status", "aria-live": "polite" }),
    el("div", { id: "errors", class: "toasts", role: "alert", "aria-live": "assertive" }),
  );
  const operator = await signedIn();
  fill(who, el("span", { class: "quiet" }, `${operator.name} (${operator.role})`), signOut());
  return { main, operator };
}

/** Who is signed in; waits while the console is away, since the page comes back by itself. */
async function signedIn() {
  for (;;) {
    try {
      return await api("/api/session");
    } catch (error) {
      if (error.status === 401) await new Promise(() => {}); // the browser is leaving for the sign-in page
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }
}

function navigation(section) {
  const links = SECTIONS.map(([name, href, label]) =>
    el("li", {}, el("a", { href, "aria-current": name === section ? "page" : null }, label)),
  );
  return el("nav", { "aria-label": "Sections" }, el("ul", {}, links));
}

function signOut() {
  const press = async () => {
    try {
      await api("/api/session", { method: "DELETE" });
    } catch (error) {
      if (error.status !== 401) return toast(error.message, "error");
    }
    location.assign("/sign-in");
  };
  return el("button", { type: "button", onclick: press }, "Sign out");
}

/** Says that the console or Redis is away, for as long as it is. */
function banner() {
  const node = el("div", { class: "banner", role: "alert", hidden: true });
  const show = (text) => {
    if (node.textContent !== text) node.textContent = text;
    node.hidden = !text;
  };
  const look = async () => {
    if (document.hidden) return;
    const health = await api("/api/health").catch(() => null);
    if (health) show(health.redis ? "" : `Redis does not answer, so this page stands still. It goes on by itself. (${health.problem})`);
  };
  onAnswer((error) => {
    if (error?.status === 0) show(`${error.message} This page goes on by itself once it does.`);
    else if (error?.status === 503) show(`${error.message}. This page goes on by itself.`);
  });
  setInterval(look, ASK_EVERY_MS);
  document.addEventListener("visibilitychange", look);
  look();
  return node;
}
