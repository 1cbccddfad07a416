// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// window.egret: what the tests in tests/system ask of a page, by function name as shown.

import type { ChartName, Page } from "./page.ts";
import type { Tree } from "./tree.ts";
import { foundText } from "./toolbar.tsx";
import type { View } from "./view.ts";

function widest(tree: Tree, name: string): number {
  let best = -1;
  for (let n = 0; n < tree.size; n++)
    if ((best < 0 || tree.total[n]! > tree.total[best]!) && tree.name(n) === name) best = n;
  return best;
}

//   stacks()          [{labels, weight}]: each stack of what is shown, process first, with the
//                     suffixes of folded stacks; weight in the present unit
//   set(view)         another view, as src/view.ts has it
//   search(text)      as typing it; returns {weight, share, frames, functions}
//   zoomTo(name)      to the widest frame of that name; false where there is none
//   where(name, in)   client coordinates {x, y, width} of what is visible of the widest such frame
//   functions()       [{name, module, self, total, before, after}]
//   tree(in)          {total, nodes, depth, names}: of a chart; names of the first 200 nodes
//   isSaved()         whether the address is that of what is shown
//   reset()           the whole graph
//   state()           what is looked at, and {theme, zoomed, whole, moving, total, nodes, depth}
export function testInterface(page: Page) {
  const treeOf = (chart: ChartName) => page.charts.get(chart)!.layer.tree;
  return {
    stacks: () => page.tree.stacks(),
    set: (view: Partial<View>) => page.set(view),
    search(text: string) {
      page.set({ search: text });
      const { found } = page;
      return {
        weight: found?.weight ?? 0,
        share: (found?.weight ?? 0) / page.tree.all,
        frames: found?.count ?? 0,
        functions: found?.functions.size ?? 0,
      };
    },
    zoomTo(name: string) {
      const n = widest(page.tree, name);
      if (n >= 0) page.charts.get("main")!.zoomTo(n);
      return n >= 0;
    },
    where(name: string, chart: ChartName = "main") {
      const n = widest(treeOf(chart), name);
      return n < 0 ? null : page.charts.get(chart)!.middleOf(n);
    },
    functions: () => page.functions,
    tree(chart: ChartName) {
      const tree = treeOf(chart);
      const shown = Array.from({ length: Math.min(tree.size, 200) }, (_, n) => n);
      return {
        total: tree.all,
        nodes: tree.size,
        depth: tree.depth,
        names: shown.map((n) => tree.name(n)),
        totals: shown.map((n) => tree.total[n]),
        parents: shown.map((n) => tree.parent[n]),
      };
    },
    isSaved: () => page.isSaved,
    reset: () => page.charts.get("main")!.reset(),
    render: (chart: ChartName) => page.charts.get(chart)!.render(),
    state() {
      const chart = page.charts.get("main")!;
      return {
        ...page.view,
        theme: document.documentElement.dataset["theme"],
        zoomed: page.tree.name(chart.zoomed),
        whole: chart.isWhole,
        moving: [...page.charts.values()].some((c) => c.target),
        total: page.tree.all,
        nodes: page.tree.size,
        depth: page.tree.depth,
        matches: foundText(page),
        hasTimes: Boolean(page.samples),
      };
    },
  };
}
