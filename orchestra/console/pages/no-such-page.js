// Where an address leads nowhere.

import { el, emptyState, openPage } from "./shell.js";

const { main } = await openPage({ title: "There is no such page" });
main.append(emptyState("The address may be misspelt, or what it showed is gone.", el("a", { href: "/calls" }, "All calls")));
