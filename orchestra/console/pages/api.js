// The console's API, as pages ask it. Programs ask the same with a bearer token.

/** What the server refused or could not do; `status` is 0 where it was not reached. */
export class ApiError extends Error {
  constructor(status, message, answer = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.answer = answer;
  }
}

/** Told of every answer (its error, or null): the banner in `shell.js` follows from it whether all is well. */
const watchers = new Set();
export const onAnswer = (watcher) => watchers.add(watcher);
const tell = (error) => watchers.forEach((watcher) => watcher(error));

/** Where one signs in, and comes back from. */
export function toSignIn() {
  const here = location.pathname + location.search + location.hash;
  location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}

/**
 * Ask, and get what the JSON says. `query`: fields of the address, empty ones left out. With a `body`, which is sent as
 * JSON, the method is POST unless given. Throws ApiError; where nobody is signed in, it goes to the sign-in page first.
 */
export async function api(path, { method, body, query, signal, signIn = true } = {}) {
  const error = (status, message, answer) => {
    const found = new ApiError(status, message, answer);
    if (status !== 401) tell(found);
    return found;
  };
  let response;
  try {
    response = await fetch(withQuery(path, query), {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    throw error(0, "The console does not answer. Is it running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) {
    tell(null);
    return answer;
  }
  if (response.status === 401 && signIn) toSignIn();
  throw error(response.status, answer.error ?? `The console answered ${response.status}.`, answer);
}

/** An id for a request, which may be asked again if no answer comes; randomUUID exists on pages with https only. */
export function requestId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The path with these fields behind a `?`; without those that are empty. */
export function withQuery(path, query = {}) {
  const fields = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return fields.length ? `${path}?${new URLSearchParams(fields)}` : path;
}

/**
 * Follow a stream of events. `message(data)` gets each, `events: {name: fn}` those that have a name; `open()` is called
 * whenever the stream has begun, also anew: fetch there what may have been missed. `closed()` when it broke.
 */
export function live(path, { message, events = {}, open, closed } = {}) {
  let source;
  let timer;
  let over = false;
  let tries = 0;
  const connect = () => {
    source = new EventSource(path);
    source.onopen = () => {
      tries = 0;
      open?.();
    };
    if (message) source.onmessage = ({ data }) => message(JSON.parse(data));
    for (const [name, listener] of Object.entries(events))
      source.addEventListener(name, ({ data }) => listener(JSON.parse(data)));
    source.onerror = () => {
      source.close(); // its own attempts end at the first answer that is none, such as a proxy's 502
      closed?.();
      retry();
    };
  };
  const retry = () => {
    if (over) return;
    timer = setTimeout(async () => {
      // signed out, or only cut off? `api` goes to the sign-in page
      const error = await api("/api/session").then(() => null, (failure) => failure);
      if (over || error?.status === 401) return;
      if (error) retry();
      else connect();
    }, Math.min(8000, 500 * 2 ** tries++));
  };
  connect();
  return {
    close() {
      over = true;
      clearTimeout(timer);
      source.close();
    },
  };
}
