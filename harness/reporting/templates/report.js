"use strict";
(() => {
  const table = document.getElementById("rows");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row, place) => ({ row, place, name: row.querySelector("[data-row]").dataset.row }));
  // Details stand in noscript elements: text that costs nothing until it is asked for.
  const texts = new Map([...document.querySelectorAll("noscript[data-row]")].map((one) => [one.dataset.row, one]));
  const ours = (html) => html;
  const policy = globalThis.trustedTypes?.createPolicy("report", { createHTML: ours }) ?? { createHTML: ours };
  const byName = new Map(rows.map((one) => [one.name, one]));
  const fields = ["source", "outcome", "q"].map((id) => document.getElementById(id));
  const shown = document.getElementById("shown");
  let sort = "";

  const signs = { "&lt;": "<", "&gt;": ">", "&#34;": '"', "&#39;": "'", "&amp;": "&" };
  const plain = (html) => html.replace(/<[^>]*>/g, " ").replace(/&(?:lt|gt|amp|#3[49]);/g, (sign) => signs[sign]);
  const words = (one) => (one.words ??= `${one.row.textContent} ${plain(texts.get(one.name).textContent)}`.toLowerCase());
  const isOpen = (one) => Boolean(one.detail && !one.detail.hidden);

  function open(one, wanted) {
    if (wanted && !one.detail) {
      one.detail = document.createElement("tr");
      one.detail.className = "detail";
      const cell = one.detail.insertCell();
      cell.colSpan = table.tHead.rows[1].cells.length + 3;
      const made = new DOMParser().parseFromString(policy.createHTML(texts.get(one.name).textContent), "text/html");
      cell.append(...made.body.childNodes);
      one.row.after(one.detail);
    }
    if (one.detail) one.detail.hidden = !wanted || one.row.hidden;
    one.wanted = wanted;
    one.row.querySelector("[data-row]").setAttribute("aria-expanded", String(wanted));
  }

  function filter() {
    const [source, outcome, text] = fields.map((field) => field.value);
    const asked = text.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const one of rows) {
      const data = one.row.dataset;
      const fits = (!source || data.source === source) && (!outcome || data.outcomes.split("|").includes(outcome)) &&
        asked.every((word) => words(one).includes(word));
      one.row.hidden = !fits;
      if (one.detail) one.detail.hidden = !fits || !one.wanted;
      count += fits;
    }
    shown.textContent = `${count} of ${rows.length} row${rows.length === 1 ? "" : "s"}`;
  }

  const keys = {
    row: (one) => one.place,
    worst: (one) => Number(one.row.dataset.worst),
    time: (one) => -Number(one.row.dataset.time),
  };
  function arrange() {
    const down = sort.startsWith("-"), name = sort.replace("-", "");
    const key = keys[name] ?? ((one) => Number(one.row.cells[Number(name) + 1]?.dataset.g ?? 99));
    const sorted = name ? rows.toSorted((a, b) => (key(a) - key(b)) * (down ? -1 : 1) || a.place - b.place) : rows;
    body.append(...sorted.flatMap((one) => (one.detail ? [one.row, one.detail] : [one.row])));
    for (const button of table.querySelectorAll("[data-sort]")) {
      const mine = button.dataset.sort === name;
      button.closest("th").setAttribute("aria-sort", mine ? (down ? "descending" : "ascending") : "none");
    }
  }

  function keep() {
    const address = new URLSearchParams();
    for (const field of fields) if (field.value) address.set(field.id, field.value);
    if (sort) address.set("sort", sort);
    for (const one of rows) if (one.wanted) address.append("open", one.name);
    history.replaceState(null, "", `#${address}`);
  }

  function follow() {
    const address = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) {
      field.value = address.get(field.id) ?? "";
      if (field.selectedIndex === -1) field.value = "";
    }
    const wanted = address.get("sort") ?? "";
    sort = [...table.querySelectorAll("[data-sort]")].some((one) => one.dataset.sort === wanted.replace("-", "")) ? wanted : "";
    const opened = new Set(address.getAll("open").filter((name) => byName.has(name)));
    for (const one of rows) if (one.wanted || opened.has(one.name)) open(one, opened.has(one.name));
    filter();
    arrange();
    const first = opened.size === 1 ? byName.get([...opened][0]).row : null;
    if (first && !first.hidden) {
      first.scrollIntoView({ block: "start" });
      first.querySelector("[data-row]").focus({ preventScroll: true });
    } else if (["source", "outcome", "q", "sort"].some((name) => address.has(name))) {
      document.getElementById("matrix").scrollIntoView();
    }
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    let done = true;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "copied" : "select and copy";
  }

  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.row !== undefined) {
      const one = byName.get(button.dataset.row);
      open(one, !isOpen(one));
    } else if (button.dataset.sort !== undefined) {
      const name = button.dataset.sort;
      sort = sort === name ? `-${name}` : sort === `-${name}` ? "" : name;
      arrange();
    } else if (button.className === "copy") {
      copy(button);
      return;
    }
    keep();
  });
  const form = document.querySelector("form");
  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { filter(); keep(); }, 80);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { sort = ""; filter(); arrange(); keep(); }));
  document.getElementById("expand").addEventListener("click", () => {
    for (const one of rows) if (!one.row.hidden) open(one, true);
    keep();
  });
  const folded = () => document.querySelectorAll("section:not(.matrix) details:not([open])");
  addEventListener("beforeprint", () => folded().forEach((one) => { one.open = true; one.dataset.printed = ""; }));
  addEventListener("afterprint", () => document.querySelectorAll("[data-printed]").forEach((one) => { one.open = false; delete one.dataset.printed; }));
  // a link to a part of the page leaves what was filtered as it is
  addEventListener("hashchange", () => { if (!document.getElementById(location.hash.slice(1))) follow(); });
  if (location.hash.length > 1) follow();
})();
