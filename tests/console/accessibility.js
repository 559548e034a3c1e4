// What a page is asked by accessibility.py; an object whose methods run in the page.
({
  structure() {
    const found = [], all = [...document.querySelectorAll("*")];
    const ids = all.map((each) => each.id).filter(Boolean);
    for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) found.push(`the id ${id} is there twice`);
    for (const name of ["h1", "main"]) {
      const many = document.querySelectorAll(name).length;
      if (many !== 1) found.push(`${many} elements ${name}`);
    }
    if (!document.documentElement.lang) found.push("no language");
    for (const each of all) if (each.tabIndex > 0) found.push(`a tabindex of ${each.tabIndex} on ${each.outerHTML.slice(0, 80)}`);
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls"])
      for (const each of document.querySelectorAll(`[${name}]`))
        for (const id of each.getAttribute(name).split(/\\s+/))
          if (each.checkVisibility() && !document.getElementById(id)) found.push(`${name} names ${id}, which is not there`);
    return found;
  },
  // WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 for large text
  contrast() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const paint = (colour, over) => {
      pen.clearRect(0, 0, 1, 1);
      for (const each of [over, colour]) if (each) { pen.fillStyle = each; pen.fillRect(0, 0, 1, 1); }
      return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
    const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
      .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = (node) => {
      const layers = [];
      for (let each = node; each; each = each.parentElement) layers.unshift(getComputedStyle(each).backgroundColor);
      return layers.reduce((under, layer) => css(paint(layer, under)), "Canvas");
    };
    const found = new Map(), texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const node = texts.currentNode.parentElement, style = getComputedStyle(node);
      const box = node.getBoundingClientRect();
      if (!texts.currentNode.data.trim() || !node.checkVisibility({ visibilityProperty: true }) || box.width <= 1) continue;
      if (node.closest(":disabled, .visually-hidden, .skip, option, title")) continue;
      const under = behind(node), colour = node.closest("svg") ? style.fill : style.color;
      const [one, other] = [light(paint(colour, under)), light(paint(under))].sort((a, b) => b - a);
      const ratio = (one + 0.05) / (other + 0.05), size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5) - 0.005)
        found.set(`${node.tagName}.${node.className.baseVal ?? node.className}`,
          `contrast ${ratio.toFixed(2)} of "${texts.currentNode.data.trim().slice(0, 40)}" in ${node.tagName} ${node.className.baseVal ?? node.className}`);
    }
    return [...found.values()];
  },
  // what has the focus now; `again` if it had it before
  focused() {
    const node = document.activeElement;
    if (!node || node === document.body) return null;
    const style = getComputedStyle(node);
    window.tabbed ??= [];
    // an audio element has controls of its own, between which the focus moves
    if (window.tabbed.at(-1) !== node && window.tabbed.includes(node)) return { again: true };
    window.tabbed.push(node);
    // browsers show the focus within these by themselves
    const parts = node.matches("audio, video, input[type^=date], input[type=time]");
    return { shown: parts || style.outlineStyle !== "none" || style.boxShadow !== "none", what: node.outerHTML.slice(0, 100) };
  },
  notReached() {
    const radios = (node) => node.type === "radio" && document.querySelector(`input[name="${node.name}"]:checked`);
    return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
      .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.disabled && node.tabIndex >= 0)
      .filter((node) => !window.tabbed.includes(node) && !radios(node))
      .map((node) => `not reached with the Tab key: ${node.outerHTML.slice(0, 100)}`);
  },
  beginTabbing() {
    window.tabbed = [];
    // from the top, wherever the focus was
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
  },
  // what reaches beyond the window, and is not in a box that can be moved sideways
  tooWide() {
    const beyond = (node) => node.getBoundingClientRect().right > innerWidth && !node.closest(".scroll-x");
    const found = [...document.querySelectorAll("main *")].filter(beyond);
    const most = document.documentElement.scrollWidth;
    return most > innerWidth ? [`${most} px wide at ${innerWidth}: ${found.slice(0, 3).map((each) => each.outerHTML.slice(0, 80))}`] : [];
  },
})
