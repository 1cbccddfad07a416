// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Everything around the chart: tooltip, legend, functions, accounting. Text of a profile gets into the
// document as text nodes only.

const LONGEST_TEXT = 600; // characters of a name that are shown

function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== null && value !== false)
      e.setAttribute(name, value === true ? "" : value);
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return e;
}

function clip(text) {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

const NUMBER = new Intl.NumberFormat("en");

function count(number) {
  return NUMBER.format(number);
}

// 100 % means all, and 0 % nothing: no rounding gets there.
function percent(part, whole) {
  if (!part) return "0 %";
  if (part === whole) return "100 %";
  const share = (100 * part) / whole;
  return share < 0.005 ? "< 0.01 %" : `${Math.min(share, 99.99).toFixed(2)} %`;
}

function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let u = 0,
    value = number;
  for (; value >= 1024 && u + 1 < units.length; u++) value /= 1024;
  return u ? `${value.toFixed(1)} ${units[u]}` : `${count(number)} B`;
}

function duration(seconds) {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function amount(number, unit) {
  if (unit === "samples") return `${count(number)} ${number === 1 ? "sample" : "samples"}`;
  return unit === "nanoseconds" ? duration(number / 1e9) : `${count(number)} ${unit}`;
}

// ---- tooltip and details ----

function row(term, ...text) {
  return text.some(Boolean) ? [element("dt", {}, term), element("dd", {}, ...text)] : [];
}

function cutRows(tree, n) {
  const { profile } = tree;
  const endings = profile.endings(profile.frames.ends[tree.frame[n]]);
  const rows = endings.flatMap(({ what, name, text }) => row(what, `${name}: ${text}`));
  const sum = tree.cuts.get(n);
  if (sum && sum.wanted) {
    const each = (total) => `${bytes(total / sum.samples)} a sample, ${count(total)} bytes in all`;
    rows.push(...row("Wanted", each(sum.wanted)));
    rows.push(...row("Got", `${each(sum.got)} (${percent(sum.got, sum.wanted)})`));
  }
  const fixes = new Set(endings.map(({ fix }) => fix).filter(Boolean));
  for (const fix of fixes) rows.push(...row("Fix", element("strong", {}, fix)));
  return rows;
}

function frameRows(tree, n, unit) {
  const { profile } = tree;
  const f = tree.frame[n];
  const rows = [];
  if (f >= 0 && profile.frames.kind[f] === KIND_CUT) rows.push(...cutRows(tree, n));
  else if (f >= 0) {
    rows.push(...row("Kind", KINDS[profile.kinds[f]].label));
    rows.push(...row("Module", clip(profile.module(f))));
    rows.push(...row("Source", clip(profile.source(f))));
    rows.push(...row("Caller by", profile.how(f)));
  }
  rows.push(...row("Total", `${amount(tree.total[n], unit)}, ${percent(tree.total[n], tree.all)}`));
  rows.push(...row("Self", `${amount(tree.self[n], unit)}, ${percent(tree.self[n], tree.all)}`));
  if (tree.parent[n] > 0)
    rows.push(...row("Of parent", percent(tree.total[n], tree.total[tree.parent[n]])));
  return rows;
}

class Tooltip {
  constructor(box) {
    this.box = box;
    this.node = -1;
  }

  show(tree, n, unit, event) {
    this.box.hidden = n < 0;
    if (n < 0) {
      this.node = -1;
      return;
    }
    if (this.node !== n || this.tree !== tree)
      this.box.replaceChildren(
        element("b", {}, clip(tree.name(n))),
        element("dl", {}, ...frameRows(tree, n, unit)),
      );
    this.node = n;
    this.tree = tree;
    this.#place(event.clientX, event.clientY);
  }

  #place(x, y) {
    const { offsetWidth: w, offsetHeight: h } = this.box;
    const left = x + 16 + w > innerWidth - 8 ? x - 16 - w : x + 16;
    const top = y + 20 + h > innerHeight - 8 ? y - 12 - h : y + 20;
    this.box.style.left = `${Math.max(8, Math.min(left, innerWidth - w - 8))}px`;
    this.box.style.top = `${Math.max(8, top)}px`;
  }
}

function detailsOf(tree, n, unit) {
  const { profile } = tree;
  const f = tree.frame[n];
  const where =
    f < 0 ? "" : [profile.module(f), profile.source(f)].filter(Boolean).map(clip).join(" · ");
  return [
    element("b", {}, clip(tree.name(n))),
    where ? element("span", { class: "where" }, where) : null,
    element(
      "span",
      {},
      `total ${amount(tree.total[n], unit)}, ${percent(tree.total[n], tree.all)}`,
    ),
    element("span", {}, `self ${amount(tree.self[n], unit)}, ${percent(tree.self[n], tree.all)}`),
  ].filter(Boolean);
}

// ---- legend ----

function showLegend(list, tree, colours) {
  const used = new Set();
  for (const f of tree.frame) if (f >= 0) used.add(tree.profile.kinds[f]);
  list.replaceChildren(
    ...Object.keys(KINDS)
      .filter((kind) => used.has(kind))
      .map((kind) => {
        const swatch = element("i", { "data-kind": kind });
        swatch.style.background =
          kind === "cut"
            ? `repeating-linear-gradient(135deg, ${colours.hatch.color} 0 2px, ${colours.hatch.background} 2px 5px)`
            : colours.fills[kind][2];
        return element("li", {}, swatch, KINDS[kind].label);
      }),
  );
}

// ---- functions ----

const FUNCTION_COLUMNS = [
  { key: "name", label: "Function", text: true },
  { key: "module", label: "Module", text: true },
  { key: "self", label: "Self" },
  { key: "total", label: "Total" },
];

class FunctionTable {
  // pick(frame): the user chose a function
  constructor(box, pick) {
    this.box = box;
    this.pick = pick;
    this.sort = { key: "self", down: true };
    this.shown = 200;
  }

  update(tree, unit, only, colours) {
    const { profile } = tree;
    const { self, total } = tree.functions();
    this.all = tree.all;
    this.unit = unit;
    this.colours = colours;
    this.rows = [];
    for (let f = 0; f < profile.nFrames; f++)
      if (total[f] && (!only || only.has(f)))
        this.rows.push({
          f,
          name: profile.name(f),
          module: profile.module(f),
          kind: profile.kinds[f],
          self: self[f],
          total: total[f],
        });
    this.#draw();
  }

  #draw() {
    const { key, down } = this.sort;
    const sign = down ? -1 : 1;
    const compare = (a, b) =>
      typeof a[key] === "string"
        ? a[key].slice(0, LONGEST_TEXT).localeCompare(b[key].slice(0, LONGEST_TEXT))
        : a[key] - b[key];
    this.rows.sort((a, b) => sign * compare(a, b) || b.total - a.total || a.f - b.f);
    const head = element("tr", {}, ...FUNCTION_COLUMNS.map((c) => this.#heading(c)));
    const body = this.rows.slice(0, this.shown).map((r) => this.#row(r));
    const more = this.rows.length - this.shown;
    this.box.replaceChildren(
      element(
        "table",
        { class: "functions" },
        element(
          "caption",
          {},
          `${count(this.rows.length)} functions of ${amount(this.all, this.unit)}. `,
          "Self: the function itself was running. Total: it, or what it called.",
        ),
        element("thead", {}, head),
        element("tbody", {}, ...body),
      ),
      more > 0 ? this.#moreButton(more) : "",
    );
  }

  #heading({ key, label, text }) {
    const sorted = this.sort.key === key;
    const button = element("button", { type: "button" }, label);
    button.addEventListener("click", () => {
      this.sort = { key, down: sorted ? !this.sort.down : !text };
      this.#draw();
      this.box.querySelector(`th[data-key=${key}] button`).focus();
    });
    return element(
      "th",
      {
        scope: "col",
        "data-key": key,
        class: text ? null : "number",
        "aria-sort": sorted ? (this.sort.down ? "descending" : "ascending") : null,
      },
      button,
    );
  }

  #row(r) {
    const button = element(
      "button",
      { type: "button", title: "Find it in the flame graph" },
      clip(r.name),
    );
    const swatch = element("i", { "data-kind": r.kind });
    swatch.style.background =
      r.kind === "cut" ? this.colours.hatch.color : this.colours.fills[r.kind][2];
    button.addEventListener("click", () => this.pick(r.f));
    return element(
      "tr",
      {},
      element("td", {}, element("div", {}, swatch, button)),
      element(
        "td",
        { class: "module", title: clip(r.module) },
        clip(r.module.replace(/^.*\/(?=.)/, "")),
      ),
      this.#share(r.self),
      this.#share(r.total),
    );
  }

  #share(value) {
    const bar = element("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${(100 * value) / (this.all || 1)}%`;
    return element(
      "td",
      { class: "number" },
      bar,
      element(
        "span",
        { class: "amount" },
        this.unit === "samples" ? count(value) : amount(value, this.unit),
      ),
      element("span", { class: "share" }, percent(value, this.all)),
    );
  }

  #moreButton(more) {
    const button = element(
      "button",
      { type: "button", class: "more" },
      `Show ${count(Math.min(more, 1000))} more`,
    );
    button.addEventListener("click", () => {
      this.shown += 1000;
      this.#draw();
    });
    return button;
  }
}

// ---- accounting ----

function completenessBar({ complete, cut, none }) {
  const all = complete + cut + none;
  const parts = [
    ["complete", complete, "complete: the unwinder reached the outermost frame"],
    ["cut", cut, "cut: drawn with a hatched [cut: reason] frame"],
    [
      "none",
      none,
      "without a user part: kernel threads, the idle task, or only kernel stacks asked for",
    ],
  ].filter(([, n]) => n);
  const segment = ([kind, n]) => {
    const e = element("span", { "data-part": kind });
    e.style.flexGrow = n;
    return e;
  };
  return element(
    "figure",
    { class: "completeness" },
    element("div", { class: "stack", "aria-hidden": "true" }, ...parts.map(segment)),
    element(
      "figcaption",
      {},
      ...parts.map(([kind, n, text]) =>
        element(
          "span",
          {},
          element("i", { "data-part": kind }),
          element("b", {}, `${count(n)} `),
          `${text} (${percent(n, all)})`,
        ),
      ),
    ),
  );
}

// The cut stacks by their two endings, most frequent first.
function cutTable(profile) {
  const { stacks } = profile;
  const sums = new Map();
  for (let s = 0; s < profile.nStacks; s++) {
    const ends = stacks.ends[s];
    if ((ends & 255) === UNWIND_ROOT || (ends & 255) === UNWIND_NOT_USER) continue;
    const sum = sums.get(ends) ?? { samples: 0, wanted: 0, got: 0 };
    sum.samples += stacks.samples[s];
    sum.wanted += stacks.bytes_wanted[s];
    sum.got += stacks.bytes_got[s];
    sums.set(ends, sum);
  }
  if (!sums.size) return null;
  const rows = [...sums]
    .sort((a, b) => b[1].samples - a[1].samples)
    .map(([ends, sum]) => {
      const endings = profile.endings(ends);
      const fixes = endings.map(({ fix }) => fix).filter(Boolean);
      return element(
        "tr",
        {},
        element("td", {}, element("code", {}, endings.map(({ name }) => name).join(" → "))),
        element("td", { class: "number" }, count(sum.samples)),
        element("td", {}, endings.map(({ text }) => text).join("; ")),
        element(
          "td",
          { class: "number" },
          sum.wanted ? `${bytes(sum.got)} of ${bytes(sum.wanted)}` : "–",
        ),
        element("td", { class: "fix" }, [...new Set(fixes)].join("; ") || "–"),
      );
    });
  return table(
    "Why stacks are cut",
    ["Reason", "#Samples", "Meaning", "#Bytes got of wanted", "Fix"],
    rows,
  );
}

// A column whose heading begins with # holds numbers.
function table(caption, columns, rows) {
  const heading = (c) =>
    element("th", { scope: "col", class: c[0] === "#" ? "number" : null }, c.replace("#", ""));
  return element(
    "table",
    { class: "accounting" },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...columns.map(heading))),
    element("tbody", {}, ...rows),
  );
}

const STAT_GROUPS = [
  ["capture.", "How the captures ended"],
  ["unwind.", "How the stacks ended"],
  ["", "The identity: every interrupt is accounted for"],
];

function statRow(name, text, value, prefix) {
  return element(
    "tr",
    { class: value === "0" ? "zero" : null },
    element("td", {}, element("code", {}, clip(name.slice(prefix.length)))),
    element("td", { class: "number", "data-stat": clip(name) }, count(BigInt(value))),
    element("td", {}, clip(text)),
  );
}

function statTables(stats) {
  const groups = STAT_GROUPS.map(() => []);
  for (const stat of stats)
    groups[STAT_GROUPS.findIndex(([prefix]) => stat[0].startsWith(prefix))].push(stat);
  const tables = STAT_GROUPS.map(
    ([prefix, caption], i) =>
      groups[i].length &&
      table(
        caption,
        ["Name", "#Number", "What it counts"],
        groups[i].map(([name, text, value]) => statRow(name, text, value, prefix)),
      ),
  );
  return [tables[2], tables[0], tables[1]].filter(Boolean);
}

function showAccounting(box, profile) {
  const tables = statTables(profile.stats);
  box.replaceChildren(
    element("h2", {}, "What became of every sample"),
    completenessBar(profile.completeness()),
    cutTable(profile) ?? "",
    ...tables,
    tables.length ? "" : element("p", {}, "This profile carries no accounting."),
  );
}
