// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A chart on its canvas: the view (zoom, scrolling, keyboard) around what is drawn. Tells by
// callbacks what the pointer or the keyboard is at.

import { FlameChartContainer } from "flame-chart-js";
import type { Classes, Palette } from "./colours.ts";
import { FONT, FlameLayer, ROW } from "./layer.ts";
import type { Tree } from "./tree.ts";

export interface ChartEvents {
  hover(tree: Tree, n: number, event: MouseEvent): void;
  focus(tree: Tree, n: number): void;
  zoomed(n: number): void; // by the user
  moved(): void; // anything on the screen
  pick?(tree: Tree, n: number): void; // the user wants to see more of a function
}

const PAPER_WIDTH = 1040; // pixels: 277 mm, the width of A4 less its margins
const MOST_ON_PAPER = 4000;

interface View {
  start: number;
  end: number;
  scroll: number;
  node: number;
}

function hatching(name: string, config: { color: string; background: string }) {
  return {
    name,
    type: "stripes" as const,
    config: { ...config, lineWidth: 2.5, spacing: 2.5, angle: 45 },
  };
}

export class Chart {
  readonly layer: FlameLayer;
  readonly stage: HTMLElement;
  readonly scrollbar: HTMLElement;
  zoomed = 0; // the node that fills the width
  target: View | null = null; // while it moves there
  readonly #container: FlameChartContainer<never>;
  #trail: View[] = []; // views to go back to
  #shown: Tree | null = null;

  constructor(
    readonly canvas: HTMLCanvasElement,
    tree: Tree,
    classes: Classes,
    readonly on: ChartEvents,
  ) {
    this.stage = canvas.parentElement!;
    this.scrollbar = this.stage.querySelector<HTMLElement>(".scrollbar")!;
    this.layer = new FlameLayer(tree, classes);
    this.#container = new FlameChartContainer({
      canvas,
      plugins: [this.layer as never],
      settings: this.#settings() as never,
    });
    this.#listen();
    new ResizeObserver(() => this.resize()).observe(this.stage);
    this.resize();
  }

  get #engine() {
    return this.#container.renderEngine;
  }

  #settings() {
    const { background, text, hatch, hatchFaded } = this.layer.palette;
    return {
      styles: {
        main: {
          blockHeight: ROW - 1,
          font: FONT,
          fontColor: text,
          backgroundColor: background,
          blockPaddingLeftRight: 5,
        },
        timeGrid: { color: "transparent" },
      },
      options: { tooltip: false },
      patterns: [hatching("cut", hatch), hatching("cut-faded", hatchFaded)],
    };
  }

  setPalette(colours: Palette): void {
    if (this.layer.palette === colours && this.#shown) return;
    this.layer.palette = colours;
    this.#container.setSettings(this.#settings() as never);
  }

  // Another tree, with the same function zoomed to where it has one.
  setTree(tree: Tree): void {
    const old = this.layer.tree;
    if (this.#shown === tree) return;
    const keep = this.#shown && this.zoomed ? tree.sameAs(old, this.zoomed) : 0;
    this.#shown = tree;
    this.layer.setTree(tree);
    this.#trail = [];
    this.zoomed = 0;
    this.target = null;
    this.#engine.calcMinMax();
    this.#engine.resetView();
    this.layer.scroll = this.layer.rootAtBottom ? Infinity : 0;
    if (keep) this.#go(this.#viewOf(keep), true);
    this.#changed();
  }

  setDirection(rootAtBottom: boolean): void {
    if (this.layer.rootAtBottom === rootAtBottom) return;
    const fromRoot = this.layer.rootAtBottom
      ? this.layer.maxScroll - this.layer.scroll
      : this.layer.scroll;
    this.layer.rootAtBottom = rootAtBottom;
    this.layer.scroll = rootAtBottom ? this.layer.maxScroll - fromRoot : fromRoot;
    this.#changed();
  }

  setSearch(nodeHit: Uint8Array | null): void {
    this.layer.setSearch(nodeHit);
    this.render();
  }

  render(): void {
    this.#container.render();
  }

  get view(): View {
    const start = this.#engine.positionX;
    return {
      start,
      end: start + this.#engine.getRealView(),
      scroll: this.layer.scroll,
      node: this.zoomed,
    };
  }

  get isWhole(): boolean {
    const { start, end } = this.target ?? this.view;
    return end - start >= this.layer.max * (1 - 1e-9);
  }

  #viewOf(n: number): View {
    const { tree } = this.layer;
    const start = tree.start[n]!;
    return { start, end: start + tree.total[n]!, scroll: this.#scrollFor(n), node: n };
  }

  zoomTo(n: number, atOnce = false): void {
    if (n === this.zoomed && !this.target && this.#trail.length) return;
    this.#trail.push(this.target ?? this.view);
    this.#go(this.#viewOf(n), atOnce);
    this.on.zoomed(n);
  }

  back(): void {
    const view = this.#trail.pop();
    if (!view) return this.reset();
    this.#go(view);
    this.on.zoomed(view.node);
  }

  reset(): void {
    this.#trail = [];
    const scroll = this.layer.rootAtBottom ? this.layer.maxScroll : 0;
    this.#go({ start: 0, end: this.layer.max, scroll, node: 0 });
    this.on.zoomed(0);
  }

  // Keyboard: what the outline is on; brought into view.
  focus(n: number): void {
    if (n < 0 && this.layer.focused < 0) return;
    this.layer.focused = n;
    if (n >= 0) {
      this.layer.scroll = this.#scrollFor(n);
      this.#reveal(n);
    }
    this.on.focus(this.layer.tree, n);
    this.#changed();
  }

  // Moves sideways so that a node is on the screen.
  #reveal(n: number): void {
    const { start, total } = this.layer.tree;
    const view = this.view;
    if (start[n]! + total[n]! > view.start && start[n]! < view.end) return;
    const half = (view.end - view.start) / 2;
    const middle = Math.max(half, Math.min(this.layer.max - half, start[n]! + total[n]! / 2));
    this.#show(middle - half, middle + half);
  }

  // The client coordinates of the middle of what is visible of a node.
  middleOf(n: number): { x: number; y: number; width: number } {
    const { x, y, w, h } = this.layer.box(n);
    const rect = this.canvas.getBoundingClientRect();
    const from = Math.max(0, x);
    const to = Math.min(this.#engine.width, x + w);
    return { x: rect.left + (from + to) / 2, y: rect.top + y + h / 2, width: to - from };
  }

  #scrollFor(n: number): number {
    const { layer } = this;
    const y = layer.top(layer.tree.level[n]!);
    const height = this.#engine.height;
    if (y >= ROW && y + 2 * ROW <= height) return layer.scroll;
    return layer.scroll + y - (layer.rootAtBottom ? height - 4 * ROW : 3 * ROW);
  }

  // Moves to a view, in 160 ms where motion is welcome.
  #go(to: View, atOnce = false): void {
    const from = this.view;
    const still = atOnce || matchMedia("(prefers-reduced-motion: reduce)").matches;
    const began = performance.now();
    this.target = to;
    this.zoomed = to.node;
    this.layer.zoomedLevel = this.layer.tree.level[to.node]!;
    const step = () => {
      if (this.target !== to) return;
      const t = still ? 1 : Math.min(1, (performance.now() - began) / 160);
      const ease = t * (2 - t);
      const mix = (a: number, b: number) => (t === 1 ? b : a + (b - a) * ease);
      this.layer.scroll = mix(from.scroll, to.scroll);
      this.#show(mix(from.start, to.start), mix(from.end, to.end));
      if (t === 1) this.target = null;
      else requestAnimationFrame(step);
      this.#changed();
    };
    step();
  }

  #show(start: number, end: number): void {
    this.#container.setZoom(start, Math.max(end, start + this.layer.max * 1e-12));
  }

  #changed(): void {
    this.layer.scrollBy(0);
    this.render();
    this.#moveScrollbar();
    this.on.moved();
  }

  // For paper: as high as its levels, and as wide as a page in landscape; at once.
  unfold(on: boolean): void {
    const height = Math.min(this.layer.contentHeight, MOST_ON_PAPER);
    this.stage.style.height = on ? `${height}px` : "";
    this.stage.style.width = on ? `${PAPER_WIDTH}px` : "";
    this.stage.style.flex = on ? "none" : "";
    this.resize();
  }

  resize(): void {
    // Hidden: the engine would give up an empty canvas for good.
    if (!this.stage.clientHeight) return;
    const view = this.target ?? this.view;
    const whole = this.isWhole;
    this.#engine.resize(this.stage.clientWidth, this.stage.clientHeight);
    if (whole) this.#engine.resetView();
    else this.#show(view.start, view.end);
    if (this.layer.rootAtBottom) this.layer.scroll = Math.min(view.scroll, this.layer.maxScroll);
    this.#changed();
  }

  #moveScrollbar(): void {
    const { contentHeight, maxScroll, scroll } = this.layer;
    const height = this.#engine.height;
    this.scrollbar.hidden = maxScroll === 0;
    const thumb = this.scrollbar.firstElementChild as HTMLElement;
    thumb.style.height = `${Math.max(24, (height * height) / contentHeight)}px`;
    thumb.style.top = `${maxScroll ? (scroll / maxScroll) * (height - thumb.offsetHeight) : 0}px`;
  }

  #listen(): void {
    const { canvas, layer } = this;
    let pressed: { x: number; y: number } | null = null;
    canvas.addEventListener("mousedown", (e) => {
      pressed = { x: e.offsetX, y: e.offsetY };
    });
    canvas.addEventListener("click", (e) => {
      const n = layer.nodeAt(e.offsetX, e.offsetY);
      const still = pressed && Math.hypot(e.offsetX - pressed.x, e.offsetY - pressed.y) < 4;
      if (!still || n < 0) return;
      layer.focused = -1;
      if (e.shiftKey) this.on.pick?.(layer.tree, n);
      else this.zoomTo(n);
    });
    canvas.addEventListener("mousemove", (e) => this.#hover(layer.nodeAt(e.offsetX, e.offsetY), e));
    canvas.addEventListener("mouseleave", (e) => this.#hover(-1, e));
    canvas.addEventListener("keydown", (e) => this.#key(e));
    canvas.addEventListener("blur", () => this.focus(-1));
    this.stage.addEventListener("wheel", (e) => this.#wheel(e), { capture: true, passive: false });
    this.#dragScrollbar();
  }

  #hover(n: number, event: MouseEvent): void {
    const pressed = Boolean(event.buttons & 1);
    if (n !== this.layer.hovered) {
      this.layer.hovered = n;
      this.render();
    }
    this.canvas.style.cursor = pressed ? "grabbing" : n >= 0 ? "pointer" : "";
    if (pressed) {
      // a drag: the chart has moved
      this.#moveScrollbar();
      this.on.moved();
    }
    this.on.hover(this.layer.tree, pressed ? -1 : n, event);
  }

  // The wheel scrolls; with Ctrl (or a pinch) it zooms, which flame-chart-js does.
  #wheel(e: WheelEvent): void {
    if (e.ctrlKey || e.metaKey) {
      this.target = null;
      requestAnimationFrame(() => this.#changed());
      return;
    }
    e.stopPropagation();
    e.preventDefault();
    this.#engine.tryToChangePosition(e.deltaX / this.#engine.zoom);
    this.layer.scrollBy(e.deltaMode === 1 ? e.deltaY * ROW : e.deltaY);
    this.#changed();
    this.#hover(e.target === this.canvas ? this.layer.nodeAt(e.offsetX, e.offsetY) : -1, e);
  }

  #key(e: KeyboardEvent): void {
    const { layer } = this;
    const { tree } = layer;
    const n = layer.focused < 0 ? this.zoomed : layer.focused;
    const sibling = (to: number) =>
      to >= tree.levels[tree.level[n]!]! && to < tree.levels[tree.level[n]! + 1]! ? to : n;
    const away = () => (Math.max(tree.firstChild(n), -1) < 0 ? n : tree.firstChild(n));
    const rootwards = () => Math.max(0, tree.parent[n]!);
    const moves: Record<string, () => number> = {
      ArrowDown: layer.rootAtBottom ? rootwards : away,
      ArrowUp: layer.rootAtBottom ? away : rootwards,
      ArrowLeft: () => sibling(n - 1),
      ArrowRight: () => sibling(n + 1),
      Home: () => 0,
    };
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const move = moves[e.key];
    if (move) this.focus(layer.focused < 0 ? n : move());
    else if (e.key === "Enter" && layer.focused >= 0) this.zoomTo(layer.focused);
    else if (e.key === "s" && n > 0) this.on.pick?.(tree, n);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  #dragScrollbar(): void {
    const thumb = this.scrollbar.firstElementChild as HTMLElement;
    thumb.addEventListener("pointerdown", (e) => {
      const { scroll, maxScroll } = this.layer;
      const perPixel = maxScroll / Math.max(1, this.#engine.height - thumb.offsetHeight);
      const move = (m: PointerEvent) => {
        this.layer.scroll = scroll;
        this.layer.scrollBy((m.clientY - e.clientY) * perPixel);
        this.#changed();
      };
      thumb.setPointerCapture(e.pointerId);
      thumb.addEventListener("pointermove", move);
      thumb.addEventListener("pointerup", () => thumb.removeEventListener("pointermove", move), {
        once: true,
      });
    });
  }
}
