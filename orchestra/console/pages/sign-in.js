// Sign in with a token: one that is typed in, or the one behind the # of the address that `orchestra up` prints.

import { api } from "./api.js";
import { el } from "./elements.js";

/** Where the operator wanted to go: a path of ours, never another site (`//other.example` is one). */
function next() {
  const asked = new URLSearchParams(location.search).get("next") ?? "/";
  const wanted = URL.canParse(asked, location.origin) ? new URL(asked, location.origin) : new URL(location.origin);
  return wanted.origin === location.origin && wanted.pathname !== "/sign-in" ? wanted.pathname + wanted.search + wanted.hash : "/";
}

const token = el("input", {
  id: "token", name: "token", type: "password", required: true, autocomplete: "current-password", spellcheck: "false",
  "aria-describedby": "problem",
});
const problem = el("p", { id: "problem", class: "problem", role: "alert" });
const button = el("button", { class: "primary" }, "Sign in");

async function signIn(event) {
  event?.preventDefault();
  button.disabled = true;
  problem.textContent = "";
  try {
    await api("/api/session", { body: { token: token.value }, signIn: false });
    location.replace(next());
  } catch (error) {
    problem.textContent = error.message;
    button.disabled = false;
    token.focus();
  }
}

document.body.append(
  el("main", { class: "sign-in" },
    el("h1", {}, "Sign in to Orchestra"),
    el("form", { onsubmit: signIn, method: "post" },
      el("label", { for: "token" }, "Token"),
      token,
      problem,
      button,
    ),
    el("p", { class: "quiet" },
      "The address that ", el("code", {}, "orchestra up"), " prints signs you in. ",
      el("code", {}, "orchestra console --token"), " prints your token, or ask for one that is in the file of ",
      el("code", {}, "ORCHESTRA_CONSOLE_TOKENS"), ".",
    ),
  ),
);

const given = location.hash.slice(1);
if (given) {
  history.replaceState(null, "", location.pathname + location.search); // the token stays in no history
  token.value = given;
  signIn();
} else {
  token.focus();
  // a link on another site leads here although one is signed in: browsers send our cookie only from our own pages
  await api("/api/session", { signIn: false }).then(() => location.replace(next()), () => {});
}
