// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The page's state, and the wiring of its controls.

const $ = (id) => document.getElementById(id);

// Storage may be refused (a sandboxed frame): the page then only forgets.
const remembered = {
  get(key) {
    try {
      return localStorage.getItem(`egret.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`egret.${key}`, value);
    } catch {
      /* forgotten */
    }
  },
};

// ---- what the header says ----

function facts(profile) {
  const { meta, event } = profile;
  const samples = profile.stacks.samples.reduce((a, b) => a + b, 0);
  const rate = event.frequency
    ? ` at ${count(event.frequency)} Hz`
    : event.period
      ? ` every ${count(event.period)}`
      : "";
  const start = Number(meta["start-time"]);
  return [
    ["Host", meta.hostname],
    ["Kernel", meta.kernel],
    ["Date", start ? new Date(start * 1000).toLocaleString() : ""],
    ["Duration", meta.duration ? duration(Number(meta.duration)) : ""],
    ["Samples", `${count(samples)}${event.name ? ` of ${event.name}${rate}` : ""}`],
    ["Capture", [meta.backend, meta.unwinder].filter(Boolean).join(", ")],
    ["egret", meta.version],
  ].filter(([, text]) => text);
}

function showHeader(profile) {
  const title = profile.title || profile.meta.command || "egret";
  document.title = `${clip(title)} – egret`;
  $("title").textContent = clip(title);
  $("title").title = clip(title);
  $("facts").replaceChildren(
    ...facts(profile).map(([term, text]) =>
      element("div", {}, element("dt", {}, term), element("dd", {}, clip(text))),
    ),
  );
  const { complete, cut } = profile.completeness();
  $("verdict").replaceChildren(
    element("b", {}, percent(complete, complete + cut)),
    " complete stacks",
  );
  $("verdict").dataset.verdict = cut === 0 ? "good" : complete >= 99 * cut ? "fair" : "poor";
  $("verdict").hidden = complete + cut === 0;
  $("notice").hidden = !profile.truncated;
  $("notice").textContent =
    "This recording ends in mid-air: its writer was killed. What it wrote until then is shown.";
}

// ---- which threads count ----

// Options of the scope: everything, each process, and its threads where it has several; busiest first.
function scopes(profile) {
  const processes = new Map();
  for (let s = 0; s < profile.nStacks; s++) {
    const t = profile.stacks.thread[s];
    const pid = profile.threads.pid[t] | 0,
      tid = profile.threads.tid[t] | 0;
    if (!processes.has(pid)) processes.set(pid, { pid, samples: 0, threads: new Map(), t });
    const p = processes.get(pid);
    const thread = p.threads.get(tid) ?? { tid, samples: 0, t };
    p.samples += profile.stacks.samples[s];
    thread.samples += profile.stacks.samples[s];
    p.threads.set(tid, thread);
    p.t = thread.t = t;
  }
  const busiest = (map) => [...map.values()].sort((a, b) => b.samples - a.samples);
  return busiest(processes).map((p) => ({ ...p, threads: busiest(p.threads) }));
}

function showScopes(profile) {
  const option = (value, text) =>
    element("option", { value }, text.length > 60 ? `${text.slice(0, 60)}…` : text);
  $("scope").replaceChildren(
    option("all", "all processes"),
    ...scopes(profile).flatMap((p) => [
      option(`p${p.pid}`, `${profile.process(p.t)} (${p.pid}), ${count(p.samples)}`),
      ...(p.threads.length > 1
        ? p.threads.map((t) =>
            option(
              `t${p.pid}/${t.tid}`,
              `\u2003${profile.comm(t.t)} (thread ${t.tid}), ${count(t.samples)}`,
            ),
          )
        : []),
    ]),
  );
}

function inScope(profile, scope) {
  const [pid, tid] = scope.slice(1).split("/").map(Number);
  if (scope === "all") return () => true;
  return (t) =>
    (profile.threads.pid[t] | 0) === pid &&
    (scope[0] === "p" || (profile.threads.tid[t] | 0) === tid);
}

// Whether the sum of periods tells something that the number of samples does not.
function valueDiffers(profile) {
  const { samples, value } = profile.stacks;
  const first = samples.findIndex((n, s) => n && value[s]);
  if (first < 0) return false;
  const ratio = value[first] / samples[first];
  return samples.some((n, s) => Math.abs(value[s] - n * ratio) > 0.005 * n * ratio);
}

// ---- search ----

// Lower case finds both cases; what is no regular expression is taken as it is.
function matcher(text) {
  const flags = text === text.toLowerCase() ? "i" : "";
  let expression;
  try {
    expression = new RegExp(text, flags);
  } catch {
    expression = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), flags);
  }
  return (name) => expression.test(name.length > 65536 ? name.slice(0, 65536) : name);
}

class Page {
  constructor(profile) {
    this.profile = profile;
    this.tooltip = new Tooltip($("tooltip"));
    this.functions = new FunctionTable($("view-functions"), (f) => this.find(f));
    this.found = null;
    this.tab = "flame";
    classify(profile);
    showHeader(profile);
    showScopes(profile);
    showAccounting($("view-accounting"), profile);
    if (profile.by_thread) $("split").value = "thread";
    if (valueDiffers(profile)) {
      $("weight").replaceChildren(
        element("option", { value: "samples" }, "samples"),
        element("option", { value: "value" }, profile.event.unit || "value"),
      );
      $("weight-label").hidden = false;
    }
    this.#grow();
    this.chart = new Chart($("chart"), this.tree, {
      hover: (n, event) => this.#hover(n, event),
      focus: (n) => this.#details(n),
      view: () => this.#viewChanged(),
    });
    this.#wire();
    this.setDirection(remembered.get("direction") === "bottom");
    this.setTheme(
      remembered.get("theme") ??
        (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"),
    );
    this.#viewChanged();
    this.#details(-1);
  }

  get weight() {
    return $("weight").value || "samples";
  }

  get unit() {
    return this.weight === "samples" ? "samples" : this.profile.event.unit || "count";
  }

  #grow() {
    this.tree = new Tree(this.profile, {
      inScope: inScope(this.profile, $("scope").value),
      split: $("split").value,
      weigh: this.profile.stacks[this.weight],
    });
  }

  // Another scope, split or weight.
  regrow() {
    this.#grow();
    this.tooltip.show(this.tree, -1);
    this.chart.setTree(this.tree);
    showLegend($("legend"), this.tree, this.colours);
    this.search($("search").value);
    this.#details(-1);
  }

  search(text) {
    $("search").value = text;
    this.found = text ? this.tree.search(matcher(text)) : null;
    this.chart.setSearch(this.found && this.found.nodeHit);
    $("matches").textContent = this.found ? this.#foundText() : "";
    $("search").parentElement.classList.toggle(
      "none",
      Boolean(this.found) && this.found.count === 0,
    );
    this.#refreshPanels();
  }

  #foundText() {
    const n = this.found.functions.size;
    const share = percent(this.found.weight, this.tree.all);
    return `${share} in ${count(n)} ${n === 1 ? "function" : "functions"}`;
  }

  // Searches for exactly this function.
  find(f) {
    this.search(
      `^${this.profile
        .name(f)
        .slice(0, 300)
        .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}${this.profile.name(f).length > 300 ? "" : "$"}`,
    );
    this.showTab("flame");
  }

  setTheme(theme) {
    const colours = palette(theme === "dark");
    document.documentElement.dataset.theme = theme;
    $("theme").textContent = theme === "dark" ? "Light" : "Dark";
    this.colours = colours;
    this.chart.setPalette(colours);
    showLegend($("legend"), this.tree, colours);
    this.#refreshPanels();
  }

  setDirection(rootAtBottom) {
    $("direction").setAttribute("aria-pressed", String(rootAtBottom));
    this.chart.setDirection(rootAtBottom);
  }

  showTab(name) {
    this.tab = name;
    for (const tab of document.querySelectorAll("[role=tab]")) {
      const on = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      $(tab.getAttribute("aria-controls")).hidden = !on;
    }
    this.#refreshPanels();
  }

  #refreshPanels() {
    if (this.tab === "functions")
      this.functions.update(this.tree, this.unit, this.found && this.found.functions, this.colours);
  }

  #hover(n, event) {
    this.tooltip.show(this.tree, n, this.unit, event);
    this.#details(n);
  }

  #details(n) {
    const at = n >= 0 ? n : (this.chart?.zoomed ?? 0);
    $("details").replaceChildren(...detailsOf(this.tree, at, this.unit));
  }

  #viewChanged() {
    if (!this.chart) return;
    $("reset").disabled = this.chart.isWhole;
    if (this.chart.plugin.hovered < 0 && this.chart.plugin.focused < 0) this.#details(-1);
  }

  #wire() {
    let pending = 0;
    $("search").addEventListener("input", () => {
      clearTimeout(pending);
      pending = setTimeout(() => this.search($("search").value), 80);
    });
    $("search").addEventListener("keydown", (e) => {
      if (e.key === "Escape") {
        this.search("");
        $("search").blur();
        e.stopPropagation();
      }
    });
    for (const id of ["scope", "split", "weight"])
      $(id).addEventListener("change", () => this.regrow());
    $("reset").addEventListener("click", () => this.chart.reset());
    $("verdict").addEventListener("click", () => this.showTab("accounting"));
    $("direction").addEventListener("click", () => {
      const bottom = $("direction").getAttribute("aria-pressed") !== "true";
      remembered.set("direction", bottom ? "bottom" : "top");
      this.setDirection(bottom);
    });
    $("theme").addEventListener("click", () => {
      const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      remembered.set("theme", theme);
      this.setTheme(theme);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (e) => {
      if (!remembered.get("theme")) this.setTheme(e.matches ? "dark" : "light");
    });
    document.addEventListener("keydown", (e) => this.#key(e));
    this.#wireTabs();
  }

  #wireTabs() {
    const tabs = [...document.querySelectorAll("[role=tab]")];
    tabs.forEach((tab, i) => {
      tab.addEventListener("click", () => this.showTab(tab.id.slice(4)));
      tab.addEventListener("keydown", (e) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
        if (!step) return;
        const next = tabs[(i + step + tabs.length) % tabs.length];
        this.showTab(next.id.slice(4));
        next.focus();
      });
    });
  }

  #key(e) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName);
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Escape" || e.key === "Backspace") {
      this.chart.back();
    } else if (e.key === "/") {
      $("search").focus();
      $("search").select();
    } else {
      return;
    }
    e.preventDefault();
  }
}

// ---- the interface for tests ----
//
// window.egret, stable: what the tests in tests/system ask of a page, by function name as shown.
//   stacks()        [{labels, weight}]: each stack of the present scope and split, process first,
//                   with the suffixes of folded stacks; weight in the present unit
//   search(text)    as typing it; returns {weight, share, frames, functions}
//   zoomTo(name)    to the widest frame of that name; false where there is none
//   where(name)     client coordinates {x, y, width} of what is visible of the widest such frame
//   reset()         the whole graph
//   state()         {theme, tab, scope, split, rootAtBottom, zoomed, whole, moving, total, nodes,
//                   depth, search}
function testInterface(page) {
  const widest = (name) => {
    const { tree } = page;
    let best = -1;
    for (let n = 0; n < tree.size; n++)
      if ((best < 0 || tree.total[n] > tree.total[best]) && tree.name(n) === name) best = n;
    return best;
  };
  return {
    stacks: () => page.tree.stacks(),
    search(text) {
      page.search(text);
      const found = page.found ?? { weight: 0, count: 0, functions: new Set() };
      return {
        weight: found.weight,
        share: found.weight / page.tree.all,
        frames: found.count,
        functions: found.functions.size,
      };
    },
    zoomTo(name) {
      const n = widest(name);
      if (n >= 0) page.chart.zoomTo(n);
      return n >= 0;
    },
    where(name) {
      const n = widest(name);
      return n < 0 ? null : page.chart.middleOf(n);
    },
    reset: () => page.chart.reset(),
    state: () => ({
      theme: document.documentElement.dataset.theme,
      tab: page.tab,
      scope: $("scope").value,
      split: $("split").value,
      rootAtBottom: page.chart.plugin.rootAtBottom,
      zoomed: page.tree.name(page.chart.zoomed),
      whole: page.chart.isWhole,
      moving: Boolean(page.chart.target),
      total: page.tree.all,
      nodes: page.tree.size,
      depth: page.tree.depth,
      search: $("matches").textContent,
    }),
  };
}

inflate($("profile").textContent)
  .then((json) => {
    const profile = new Profile(json);
    window.egret = testInterface(new Page(profile));
  })
  .catch((error) => {
    $("notice").hidden = false;
    $("notice").textContent =
      `This page cannot be shown: ${error.message}. ` +
      "It needs a browser of 2023 or newer (Chromium 111, Firefox 113, Safari 16.4).";
    console.error(error);
  });
