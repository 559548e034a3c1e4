// The edge's own page: the address that `orchestra up` prints has the widget key behind a #, which browsers send nowhere.

import "./orchestra-call.js";

const key = location.hash.slice(1);
if (key) document.querySelector("orchestra-call").setAttribute("key", key);
