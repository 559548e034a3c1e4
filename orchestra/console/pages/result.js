// One result. The server has drawn it with the template of the HTML report; here it gets the frame of the console.

import { openPage } from "./shell.js";

const report = document.querySelector("#report");
const opened = openPage({ title: report.querySelector("h1").textContent, section: "results", heading: false });
document.querySelector("main").append(report);
await opened;
