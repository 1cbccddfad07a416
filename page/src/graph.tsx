// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A chart as a part of the page.

import { useLayoutEffect, useRef } from "preact/hooks";
import { Chart } from "./chart.ts";
import type { ChartName, Page } from "./page.ts";
import type { Tree } from "./tree.ts";

const LABELS: Record<ChartName, string> = {
  main: "Flame graph",
  time: "Calls in the order of time",
  callers: "Callers",
  callees: "Callees",
};

interface Props {
  page: Page;
  name: ChartName;
  tree: Tree;
  rootAtBottom: boolean;
}

export function Graph({ page, name, tree, rootAtBottom }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const chart = new Chart(canvas.current!, tree, page.classes, {
      hover: (t, n, event) => page.onHover(name, t, n, event),
      focus: (t, n) => page.onFocus(name, t, n),
      zoomed: (n) => {
        if (name === "main") page.zoomed(n);
      },
      moved: () => page.onMoved(name),
      pick: (t, n) => {
        const f = t.frame[n]!;
        if (f >= 0) page.set({ tab: "functions", fn: f });
      },
    });
    page.charts.set(name, chart);
    return () => {
      page.charts.delete(name);
    };
  }, []);
  useLayoutEffect(() => {
    const chart = page.charts.get(name)!;
    chart.layer.whole = page.whole;
    chart.layer.timeOffset = page.window?.from ?? 0;
    chart.setPalette(page.colours);
    chart.setDirection(rootAtBottom);
    chart.setTree(tree);
    if (name === "main" && page.view.zoom !== chart.zoomed && page.view.zoom < tree.size) {
      if (page.view.zoom) chart.zoomTo(page.view.zoom, true);
      else if (!chart.isWhole || chart.zoomed) page.zoomed(chart.zoomed);
    }
    chart.setSearch(name === "main" ? (page.found?.nodeHit ?? null) : page.hitsIn(tree));
  });
  return (
    <div class="stage" data-chart={name}>
      <canvas
        id={name === "main" ? "chart" : `chart-${name}`}
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`${LABELS[name]}. Arrow keys move between frames, Enter zooms, Escape goes back, s shows callers and callees.`}
        aria-describedby="details"
      />
      <div class="scrollbar" aria-hidden="true">
        <div />
      </div>
    </div>
  );
}
