"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const signs = new Map(data.outcomes.map((one, rank) => [one.name, { sign: one.sign, rank }]));
const byId = (id) => document.getElementById(id);
const make = (tag, text, parent, attributes) => {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  if (parent) parent.append(made);
  return made;
};
const style = (outcome) => "o-" + outcome.split(" ")[0];
const NONE = "(about no row)";
const rows = new Map(data.rows.map((row) => [row, []]));
for (const one of data.cases) {
  const row = one.row || NONE;
  if (!rows.has(row)) rows.set(row, []);
  rows.get(row).push(one);
}
const order = ["page", "complexity", "export", "half", "int8", "accuracy", "throughput", "preprocessing", "postprocessing"];
const rank = (stage) => (order.indexOf(stage) < 0 ? order.length : order.indexOf(stage));
const stages = [...new Set(data.cases.map((one) => one.stage || "other"))].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
const gravest = (cases) => cases.reduce((worst, one) => Math.min(worst, signs.get(one.outcome).rank), data.outcomes.length);
const source = (row) => row.split("/")[1] || "";
const facts = [...rows].map(([row, cases], place) => ({
  row, cases, place, worst: gravest(cases), source: source(row),
  seconds: cases.reduce((sum, one) => sum + (one.seconds || 0), 0),
  outcomes: new Set(cases.map((one) => one.outcome)),
  text: [row, ...cases.flatMap((one) => [one.id, ...(one.told || [])])].join("\n").toLowerCase(),
}));
const fields = ["text", "source", "outcome", "order"];
for (const name of [...new Set(facts.map((one) => one.source))].filter(Boolean).sort()) make("option", name, byId("source"), { value: name });
for (const one of data.outcomes) if (data.cases.some((item) => item.outcome === one.name)) make("option", `${one.sign} ${one.name}`, byId("outcome"), { value: one.name });
for (const one of data.outcomes) make("span", `${one.sign} ${one.name}`, byId("legend"), { class: style(one.name) });
const head = make("tr", null, document.querySelector("#cells thead"));
for (const name of ["row", ...stages, "seconds"]) make("th", name, head, { scope: "col" });

let chosen = "";
const state = () => Object.fromEntries([...fields.map((name) => [name, byId(name).value]), ["row", chosen]].filter(([, value]) => value));
const remember = () => history.replaceState(null, "", "#" + new URLSearchParams(state()));
const cell = (tr, cases) => {
  const td = make("td", null, tr);
  const counts = new Map();
  for (const one of cases) counts.set(one.outcome, (counts.get(one.outcome) || 0) + 1);
  for (const one of data.outcomes) {
    if (!counts.has(one.name)) continue;
    const shown = make("span", `${one.sign} ${counts.get(one.name)} `, td, { class: style(one.name), title: `${counts.get(one.name)} ${one.name}` });
    make("span", one.name, shown, { class: "hidden" });
  }
};
const show = () => {
  const { text = "", source: from = "", outcome = "", order: by = "" } = state();
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = facts.filter((one) => (!from || one.source === from) && (!outcome || one.outcomes.has(outcome)) && words.every((word) => one.text.includes(word)));
  if (by === "worst") found.sort((a, b) => a.worst - b.worst || a.place - b.place);
  if (by === "slow") found.sort((a, b) => b.seconds - a.seconds || a.place - b.place);
  const body = document.createDocumentFragment();
  for (const one of found) {
    const tr = make("tr", null, body);
    const th = make("th", null, tr, { scope: "row" });
    const button = make("button", one.row, th, { type: "button", "aria-expanded": String(one.row === chosen) });
    button.addEventListener("click", () => { choose(one.row === chosen ? "" : one.row); byId("row").focus(); });
    for (const stage of stages) cell(tr, one.cases.filter((item) => (item.stage || "other") === stage));
    make("td", one.seconds.toFixed(1), tr);
  }
  document.querySelector("#cells tbody").replaceChildren(body);
  byId("count").textContent = `${found.length} of ${facts.length} rows`;
};
const table = (parent, header, lines) => {
  if (!lines || !lines.length) return;
  const made = make("table", null, make("div", null, parent, { class: "scroll", role: "region", "aria-label": header[0], tabindex: "0" }));
  const tr = make("tr", null, make("thead", null, made));
  for (const name of header) make("th", name, tr, { scope: "col" });
  const body = make("tbody", null, made);
  for (const line of lines) {
    const row = make("tr", null, body);
    line.slice(0, header.length - 1).concat(line.slice(header.length - 1).join(" ")).forEach((text) => make("td", text, row));
  }
};
const detail = (one, parent) => {
  const article = make("article", null, parent);
  const title = make("h4", null, article);
  make("span", `${signs.get(one.outcome).sign} ${one.outcome} `, title, { class: style(one.outcome) });
  make("span", one.id, title);
  const lines = one.told || [];
  const repeat = lines.find((line) => line.startsWith("repeat: "));
  for (const line of lines) if (line !== repeat) make("p", line, article);
  if (repeat) {
    make("pre", repeat.slice(8), article);
    const copy = make("button", "Copy the command", article, { type: "button", class: "copy" });
    copy.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(repeat.slice(8)); copy.textContent = "Copied"; }
      catch { const range = document.createRange(); range.selectNodeContents(copy.previousSibling); getSelection().removeAllRanges(); getSelection().addRange(range); copy.textContent = "Selected"; }
    });
  }
  table(article, ["claim", "outcome", "documented", "told"], one.claims);
  table(article, ["figure", "value", "unit", "on"], one.figures);
  table(article, ["column", "documented", "true", "cause"], one.defects);
  make("p", [one.stage && `stage ${one.stage}`, one.weights && `${one.weights} weights`, `${one.seconds || 0} s`].filter(Boolean).join(", "), article);
};
const choose = (row) => {
  chosen = row;
  const place = byId("row");
  place.replaceChildren();
  if (rows.has(row)) {
    make("h3", row, place);
    if (data.pages[row]) make("p", data.pages[row], place);
    for (const one of [...rows.get(row)].sort((a, b) => signs.get(a.outcome).rank - signs.get(b.outcome).rank)) detail(one, place);
  }
  for (const button of document.querySelectorAll("#cells tbody button")) button.setAttribute("aria-expanded", String(button.textContent === row));
  remember();
};
const restore = () => {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of fields) if (given.has(name)) byId(name).value = given.get(name);
  show();
  if (given.get("row") && given.get("row") !== chosen) { choose(given.get("row")); byId("row").focus(); }
};
for (const name of fields) byId(name).addEventListener("input", () => { show(); remember(); });
addEventListener("hashchange", restore);
restore();
