// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a chart draws: a plugin for flame-chart-js.

import { UIPlugin } from "flame-chart-js";
import { type Classes, type Palette, palette } from "./colours.ts";
import { STEPS, judge, step } from "./compare.ts";
import type { Tree } from "./tree.ts";

export const ROW = 20; // pixels from one level to the next
export const FONT =
  "12px ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
const NAMESPACED = new Set(["cpp", "inlined", "rust"]); // names with namespaces and parameters
const LONGEST_LABEL = 2000; // characters: more fit on no screen
const SLIVER = 0.7; // pixels; narrower frames are drawn together, one pixel at a time

interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

function running(values: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (let n = 0; n < values.length; n++) sums[n + 1] = sums[n]! + values[n]!;
  return sums;
}

// Draws what is on the screen of a tree, and no more: per level a binary search to the first visible
// frame, and from sliver to sliver by pixel, so that a repaint costs the same for 1,000 nodes and
// 1,000,000.
export class FlameLayer extends UIPlugin {
  override height = "flexible" as const;
  override min = 0;
  override max = 1;
  scroll = 0;
  rootAtBottom = false;
  hovered = -1;
  focused = -1;
  zoomedLevel = 0; // what lies above is drawn as callers
  palette: Palette = palette(false);
  tree: Tree;
  timeOffset = 0; // of a tree in time: microseconds at its left edge
  // Of a comparison: what shares are of, and samples on both sides.
  whole = { before: 0, after: 0, base: 0, samples: 0 };
  #hits: Float64Array | null = null; // of a search: running count of the nodes that match
  #before: Float64Array | null = null; // running sums, of a comparison
  #after: Float64Array | null = null;

  constructor(
    tree: Tree,
    readonly classes: Classes,
  ) {
    super("flame");
    this.tree = tree;
    this.setTree(tree);
  }

  setTree(tree: Tree): void {
    this.tree = tree;
    this.min = 0;
    this.max = Math.max(tree.all, 1e-9);
    this.#hits = null;
    this.#before = tree.pair && running(tree.pair.before);
    this.#after = tree.pair && running(tree.pair.after);
    this.zoomedLevel = 0;
    this.hovered = this.focused = -1;
  }

  setSearch(nodeHit: Uint8Array | null): void {
    this.#hits = nodeHit && running(nodeHit);
  }

  override init(...[engine, interactions]: Parameters<UIPlugin["init"]>): void {
    super.init(engine, interactions);
    interactions.on("change-position", ({ deltaX, deltaY }: { deltaX: number; deltaY: number }) => {
      this.renderEngine.tryToChangePosition(deltaX);
      this.scrollBy(deltaY);
      this.renderEngine.parent.render();
    });
  }

  get contentHeight(): number {
    return this.tree.depth * ROW + 1;
  }

  get maxScroll(): number {
    return Math.max(0, this.contentHeight - this.renderEngine.height);
  }

  scrollBy(pixels: number): void {
    this.scroll = Math.min(this.maxScroll, Math.max(0, this.scroll + pixels));
  }

  top(level: number): number {
    if (this.rootAtBottom)
      return (
        Math.max(this.renderEngine.height, this.contentHeight) - (level + 1) * ROW - this.scroll
      );
    return level * ROW - this.scroll;
  }

  levelAt(y: number): number {
    const height = Math.max(this.renderEngine.height, this.contentHeight);
    return Math.floor((this.rootAtBottom ? height - 1 - y - this.scroll : y + this.scroll) / ROW);
  }

  // Where a node is drawn, in pixels of the canvas.
  box(n: number): Box {
    return {
      x: this.renderEngine.timeToPosition(this.tree.start[n]!),
      y: this.top(this.tree.level[n]!),
      w: this.tree.total[n]! * this.renderEngine.zoom,
      h: ROW - 1,
    };
  }

  nodeAt(x: number, y: number): number {
    return this.tree.at(this.levelAt(y), this.renderEngine.positionX + x / this.renderEngine.zoom);
  }

  // By how much the share of the nodes [n, end) has changed.
  #change(n: number, end: number): number {
    const { pair } = this.tree;
    if (!pair || !this.#before || !this.#after) return 0;
    const { before, after, base, samples } = this.whole;
    const share = (sums: Float64Array, all: number) => (all ? (sums[end]! - sums[n]!) / all : 0);
    return step(
      judge(share(this.#before, before), base, share(this.#after, after), samples),
      base,
      samples,
    );
  }

  // The style of the nodes [n, end), which are drawn as one.
  #style(n: number, end: number): { color: string; pattern?: string } {
    const { palette: colours, classes } = this;
    const f = this.tree.frame[n]!;
    const kind = f < 0 ? "group" : classes.kind[f]!;
    const shade = f < 0 || end > n + 1 ? 1 : classes.shade[f]!;
    const isCaller = this.tree.level[n]! < this.zoomedLevel;
    if (this.#hits && this.#hits[end]! > this.#hits[n]!) return { color: colours.hit };
    if (kind === "cut") return { color: "cut", pattern: this.#hits ? "cut-faded" : "cut" };
    if (this.#hits) return { color: colours.faded[shade % colours.faded.length]! };
    if (this.tree.pair) {
      const fills = isCaller ? colours.changesOfCallers : colours.changes;
      return { color: fills[this.#change(n, end) + STEPS]! };
    }
    return { color: (isCaller ? colours.callers : colours.fills)[kind][shade]! };
  }

  // The text, or as much of its beginning (or of its end) as fits, with an ellipsis; "" where that
  // is nothing.
  #fit(text: string, room: number, fromEnd = false): string {
    const { ctx } = this.renderEngine;
    const width = ctx.measureText(text).width;
    if (width <= room) return text;
    for (let n = Math.floor((text.length * room) / width); n > 1; n--) {
      const part = fromEnd ? `…${text.slice(-n)}` : `${text.slice(0, n)}…`;
      if (ctx.measureText(part).width <= room) return part;
    }
    return "";
  }

  // What is shown of a name: all of it; without parameters; without template arguments; then its
  // end, where the function is, if namespaces stand before it, else its beginning.
  #label(n: number, w: number): string {
    const room = w - 10;
    const f = this.tree.frame[n]!;
    const name = this.tree
      .name(n)
      .slice(0, LONGEST_LABEL)
      .replaceAll("(anonymous namespace)::", "");
    if (f < 0 || !NAMESPACED.has(this.classes.kind[f]!) || this.#fit(name, room) === name)
      return this.#fit(name, room);
    let short = name.replace(/(?<=[^(\s])\(.*$/s, "");
    if (this.#fit(short, room) !== short)
      short = short.replace(/<[^<>]*>/g, "").replace(/<.*>/s, "");
    const scope = short.lastIndexOf("::");
    const last = scope < 0 ? short : short.slice(scope + 2);
    const tail = this.#fit(short, room, last !== short);
    return last === short || tail.length > last.length ? tail : this.#fit(last, room);
  }

  #renderLevel(level: number, y: number): void {
    const { tree, renderEngine: engine } = this;
    const left = engine.positionX;
    const right = left + engine.getRealView();
    const end = tree.levels[level + 1]!;
    let last: (Box & { color: string }) | null = null; // a run of slivers of one colour
    for (let n = tree.firstBeyond(level, left); n < end && tree.start[n]! < right;) {
      const from = Math.max(0, engine.timeToPosition(tree.start[n]!));
      const to = Math.min(engine.width, engine.timeToPosition(tree.start[n]! + tree.total[n]!));
      let next = n + 1;
      let w = to - from;
      const sliver = w < SLIVER;
      if (sliver) {
        next = Math.max(next, tree.firstBeyond(level, left + (from + 1) / engine.zoom, next));
        w = Math.min(
          1,
          engine.timeToPosition(tree.start[next - 1]! + tree.total[next - 1]!) - from,
        );
      }
      const style = this.#style(n, next);
      if (sliver && last && last.color === style.color && from - last.x - last.w < 0.5) {
        last.w = from + w - last.x;
      } else {
        const rect = { ...style, x: from, y, w: w >= 3 ? w - 1 : w, h: ROW - 1 };
        engine.addRect(rect, 0);
        last = sliver ? rect : null;
      }
      if (w >= engine.minTextWidth + 6)
        engine.addText({ text: this.#label(n, w), x: from, y: y - 2, w: w + 4 }, 1);
      n = next;
    }
  }

  #outline(n: number, color: string): void {
    const { x, y, w, h } = this.box(n);
    const from = Math.max(0, x);
    const to = Math.min(this.renderEngine.width, x + w);
    if (to > from)
      this.renderEngine.addStroke(
        { color, x: from + 0.5, y: y + 0.5, w: Math.max(1, to - from - 2), h: h - 1 },
        2,
      );
  }

  // When: lines through the graph, and times in its first row.
  #renderTimes(): void {
    const { renderEngine: engine } = this;
    const from = engine.positionX;
    const width = engine.getRealView();
    const rough = width / Math.max(1, engine.width / 130);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5].find((n) => n * power >= rough) ?? 10);
    const digits = Math.max(0, 6 - Math.floor(Math.log10(step)));
    const first = Math.ceil((this.timeOffset + from) / step) * step - this.timeOffset;
    for (let us = first; us < from + width; us += step) {
      const x = engine.timeToPosition(us);
      engine.addRect({ color: this.palette.line, x, y: ROW, w: 1, h: engine.height }, 0);
      const text = `${((this.timeOffset + us) / 1e6).toFixed(digits)} s`;
      if (x > 160) engine.addText({ text, x: x - 4, y: this.top(0) - 2, w: 130 }, 1);
    }
  }

  override render(): boolean {
    const { tree, renderEngine: engine } = this;
    this.scrollBy(0);
    if (tree.inTime) this.#renderTimes();
    for (let level = 0; level < tree.depth; level++) {
      const y = this.top(level);
      if (y + ROW > 0 && y < engine.height) this.#renderLevel(level, y);
    }
    if (this.hovered >= 0) this.#outline(this.hovered, this.palette.focus);
    if (this.focused >= 0) this.#outline(this.focused, this.palette.focus);
    engine.resolveQueue();
    return true; // no grid of the library's
  }
}
