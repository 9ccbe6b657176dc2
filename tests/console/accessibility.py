"""What can be told of accessibility without a person: contrast, names, ids, order, and room."""

# Every text that is seen, with the colour it has and the one behind it.
CONTRAST = """
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (text) => { probe.clearRect(0, 0, 1, 1); probe.fillStyle = text; probe.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = (colour) => { const [r, g, b] = colour.slice(0, 3).map((part) => { const c = part / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (element) => { const layers = []; for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor); layers.push(colour); if (colour[3] === 1) break; }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]); };
  const open = document.querySelector("dialog[open]");
  const walker = document.createTreeWalker(open ?? document.body, NodeFilter.SHOW_TEXT);
  const poor = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest(".unseen, .skip, noscript, [hidden]") || !element.checkVisibility()) continue;
    if (element.closest("button:disabled, select")) continue;
    const style = getComputedStyle(element);
    const back = behind(element);
    const front = over(parse(style.color), back);
    const [low, high] = [light(front), light(back)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} "${node.textContent.trim().slice(0, 30)}" ${element.tagName}.${element.className}`);
  }
  return poor;
"""

# What marks a state without letters needs 3 to 1 against the paper.
MARKS = """
  const names = ["--locked", "--released", "--refunded", "--frozen", "--available", "--field", "--focus"];
  const style = getComputedStyle(document.documentElement);
  const part = (text) => { const n = parseInt(text.trim().slice(1), 16); return [n >> 16, (n >> 8) & 255, n & 255].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0); };
  return names.flatMap((name) => ["--paper", "--sheet"].map((back) => { const two = [part(style.getPropertyValue(name)), part(style.getPropertyValue(back))]
    .sort((a, b) => a - b); const ratio = (two[1] + 0.05) / (two[0] + 0.05); return ratio < 3 ? `${name} on ${back}: ${ratio.toFixed(2)}` : null; }))
    .filter(Boolean);
"""

STRUCTURE = """
  const wrong = [];
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`the id ${id} stands twice`);
  for (const each of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-controls]"))
    for (const kind of ["aria-labelledby", "aria-describedby", "aria-controls"])
      for (const id of (each.getAttribute(kind) ?? "").split(" ").filter(Boolean))
        if (!document.getElementById(id)) wrong.push(`${kind} names ${id}, which is not there`);
  if (document.querySelectorAll("h1").length !== 1) wrong.push(`${document.querySelectorAll("h1").length} h1`);
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
  let level = 0;
  for (const each of document.querySelectorAll("main h1, main h2, main h3")) {
    const now = Number(each.tagName[1]);
    if (now > level + 1) wrong.push(`${each.tagName} after h${level}: ${each.textContent}`);
    level = now;
  }
  for (const each of document.querySelectorAll("a[href], button, input, select"))
    if (each.checkVisibility() && !each.closest("main table tbody p") && each.tagName !== "A") {
      const box = each.getBoundingClientRect();
      if (box.height && box.height < 16) wrong.push(`small: ${each.outerHTML.slice(0, 60)}`);
    }
  for (const table of document.querySelectorAll("table[role=grid]"))
    if (table.tBodies[0].rows.length && table.tBodies[0].querySelectorAll('[tabindex="0"]').length !== 1) wrong.push("a table is not one stop of Tab");
  return wrong;
"""

ROOM = """
  const width = document.documentElement.clientWidth;
  return document.documentElement.scrollWidth <= width ? [] : [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > width + 1).slice(0, 5).map((each) => `wider than the page: ${each.outerHTML.slice(0, 100)}`);
"""

CONTROLS = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "dialog", "grid", "navigation", "progressbar", "image", "img"}


def unnamed(driver) -> list[str]:
    """Controls that a screen reader could only call by their kind."""
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [f"a {node['role']['value']} without a name" for node in nodes
            if not node.get("ignored") and node.get("role", {}).get("value") in CONTROLS
            and not node.get("name", {}).get("value", "").strip()]


def problems(browser) -> list[str]:
    return (browser.run(CONTRAST) + browser.run(MARKS) + browser.run(STRUCTURE) + browser.run(ROOM) + unnamed(browser.driver))
