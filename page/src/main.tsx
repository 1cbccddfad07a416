// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The data unpacked, the page put up, and the keys.

import { render } from "preact";
import { App } from "./app.tsx";
import { palette } from "./colours.ts";
import { Profile, inflate } from "./data.ts";
import { Details, TooltipBody } from "./details.tsx";
import { titleOf } from "./header.tsx";
import { type ChartName, Page, remembered } from "./page.ts";
import { Samples } from "./samples.ts";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import "./tables.css";
import "./media.css";
import { testInterface } from "./testing.ts";
import { tabsOf } from "./toolbar.tsx";
import { Tooltip } from "./tooltip.tsx";
import type { Tree } from "./tree.ts";

const byId = (id: string) => document.getElementById(id)!;
const dark = matchMedia("(prefers-color-scheme: dark)");

function setTheme(page: Page, theme: string): void {
  document.documentElement.dataset["theme"] = theme;
  page.colours = palette(theme === "dark");
  page.changed();
}

function toggleTheme(page: Page): void {
  const theme = page.colours.dark ? "light" : "dark";
  remembered.set("theme", theme);
  setTheme(page, theme);
}

function showHelp(): void {
  (byId("help-dialog") as HTMLDialogElement).showModal();
}

// What is pointed at: a frame, or where there is none what is zoomed to.
function wirePointer(page: Page, tooltip: Tooltip): void {
  const details = (tree: Tree, n: number) =>
    render(<Details page={page} tree={tree} n={n} />, byId("details"));
  const rest = (chart: ChartName) => {
    const { layer, zoomed } = page.charts.get(chart)!;
    if (layer.hovered < 0 && layer.focused < 0) details(layer.tree, zoomed);
  };
  page.onHover = (chart, tree, n, event) => {
    if (n < 0) tooltip.hide();
    else
      tooltip.show(
        <TooltipBody page={page} tree={tree} n={n} />,
        event.clientX,
        event.clientY,
        `${chart} ${n} ${tree.size}`,
      );
    if (n >= 0) details(tree, n);
    else rest(chart);
  };
  page.onFocus = (chart, tree, n) => {
    if (n >= 0) details(tree, n);
    else rest(chart);
  };
  page.onMoved = (chart) => {
    if (!page.charts.has(chart)) return;
    if (chart === "main")
      (byId("reset") as HTMLButtonElement).disabled =
        page.view.tab === "flame" && page.charts.get(chart)!.isWhole;
    rest(chart);
  };
}

function onKey(page: Page, e: KeyboardEvent): void {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test((e.target as Element).tagName);
  if (typing || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]"))
    return;
  const search = byId("search") as HTMLInputElement;
  const keys: Record<string, () => void> = {
    Escape: () => page.chart?.back(),
    Backspace: () => page.chart?.back(),
    "/": () => {
      search.focus();
      search.select();
    },
    n: () => page.nextHit(1),
    N: () => page.nextHit(-1),
    0: () => page.chart?.reset(),
    f: () => page.setDirection(!page.view.rootAtBottom),
    t: () => page.set({ window: null }),
    d: () => toggleTheme(page),
    "?": showHelp,
  };
  tabsOf(page).forEach((tab, i) => {
    keys[String(i + 1)] = () => page.set({ tab });
  });
  const action = keys[e.key];
  if (!action) return;
  action();
  e.preventDefault();
}

// Paper is white, and has room for all levels of a graph.
function wirePrint(page: Page): void {
  let theme = "light";
  const charts = () => [...page.charts.values()].filter(({ stage }) => stage.clientHeight);
  addEventListener("beforeprint", () => {
    theme = document.documentElement.dataset["theme"] ?? "light";
    setTheme(page, "light");
    for (const chart of charts()) chart.unfold(true);
  });
  addEventListener("afterprint", () => {
    for (const chart of charts()) chart.unfold(false);
    setTheme(page, theme);
  });
}

function putUp(page: Page): void {
  const root = byId("page");
  const tooltip = new Tooltip(byId("tooltip"));
  const draw = () => {
    tooltip.hide();
    render(
      <App page={page} tooltip={tooltip} theme={() => toggleTheme(page)} help={showHelp} />,
      root,
    );
  };
  wirePointer(page, tooltip);
  document.title = `${titleOf(page.profile)} – egret`;
  setTheme(page, remembered.get("theme") ?? (dark.matches ? "dark" : "light"));
  page.onChange(draw);
  draw();
  dark.addEventListener("change", (e) => {
    if (!remembered.get("theme")) setTheme(page, e.matches ? "dark" : "light");
  });
  addEventListener("hashchange", () => page.applyFragment(location.hash));
  addEventListener("keydown", (e) => onKey(page, e));
  wirePrint(page);
}

// What took how long, for tests/bench/page.py: from the beginning of the page to each mark.
const mark = (name: string) => performance.mark(`egret:${name}`);

async function begin(): Promise<void> {
  mark("begin");
  const page = new Page(new Profile(await inflate(byId("profile").textContent)));
  const packed = byId("samples").textContent;
  if (packed) page.samples = new Samples(page.profile, await inflate(packed));
  mark("unpacked");
  putUp(page);
  await new Promise(requestAnimationFrame);
  mark("drawn");
  (window as unknown as { egret: unknown }).egret = testInterface(page);
}

begin().catch((error: Error) => {
  const notice = document.createElement("p");
  notice.id = "notice";
  notice.textContent =
    `This page cannot be shown: ${error.message}. ` +
    "It needs a browser of 2023 or newer (Chromium 111, Firefox 113, Safari 16.4).";
  document.body.prepend(notice);
  console.error(error);
});
