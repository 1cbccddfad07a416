// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The drawing: a plugin for flame-chart-js, and the view (zoom, scrolling, keyboard) around it.

const ROW = 20; // pixels from one level to the next
const FONT =
  "12px ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
const NAMESPACED = new Set(["cpp", "inlined", "rust"]); // names with namespaces and parameters
const LONGEST_LABEL = 2000; // characters: more fit on no screen
const SLIVER = 0.7; // pixels; narrower frames are drawn together, one pixel at a time

// Draws what is on the screen of a tree, and no more: per level a binary search to the first visible
// frame, and from sliver to sliver by pixel, so that a repaint costs the same for 1,000 nodes and
// 1,000,000.
class FlamePlugin extends flameChartJs.UIPlugin {
  constructor(tree) {
    super("flame");
    this.height = "flexible";
    this.scroll = 0;
    this.rootAtBottom = false;
    this.hovered = -1;
    this.focused = -1;
    this.hits = null; // of a search: running count of the nodes that match
    this.zoomedLevel = 0; // what lies above is drawn as callers
    this.setTree(tree);
  }

  setTree(tree) {
    this.tree = tree;
    this.min = 0;
    this.max = Math.max(tree.all, 1);
    this.hits = null;
    this.zoomedLevel = 0;
    this.hovered = this.focused = -1;
  }

  setSearch(nodeHit) {
    this.hits = nodeHit && new Uint32Array(nodeHit.length + 1);
    if (nodeHit)
      nodeHit.forEach((hit, n) => {
        this.hits[n + 1] = this.hits[n] + hit;
      });
  }

  init(renderEngine, interactionsEngine) {
    super.init(renderEngine, interactionsEngine);
    interactionsEngine.on("change-position", ({ deltaX, deltaY }) => {
      this.renderEngine.tryToChangePosition(deltaX);
      this.scrollBy(deltaY);
      this.renderEngine.parent.render();
    });
  }

  get contentHeight() {
    return this.tree.depth * ROW + 1;
  }

  get maxScroll() {
    return Math.max(0, this.contentHeight - this.renderEngine.height);
  }

  scrollBy(pixels) {
    this.scroll = Math.min(this.maxScroll, Math.max(0, this.scroll + pixels));
  }

  top(level) {
    if (this.rootAtBottom)
      return (
        Math.max(this.renderEngine.height, this.contentHeight) - (level + 1) * ROW - this.scroll
      );
    return level * ROW - this.scroll;
  }

  levelAt(y) {
    const height = Math.max(this.renderEngine.height, this.contentHeight);
    return Math.floor((this.rootAtBottom ? height - 1 - y - this.scroll : y + this.scroll) / ROW);
  }

  // Where a node is drawn, in pixels of the canvas.
  box(n) {
    const x = this.renderEngine.timeToPosition(this.tree.start[n]);
    return {
      x,
      y: this.top(this.tree.level[n]),
      w: this.tree.total[n] * this.renderEngine.zoom,
      h: ROW - 1,
    };
  }

  nodeAt(x, y) {
    return this.tree.at(this.levelAt(y), this.renderEngine.positionX + x / this.renderEngine.zoom);
  }

  // The style of the nodes [n, end), which are drawn as one.
  #style(n, end) {
    const { fills, callers, faded, hit } = this.palette;
    const f = this.tree.frame[n];
    const kind = f < 0 ? "group" : this.tree.profile.kinds[f];
    const shade = f < 0 || end > n + 1 ? 1 : this.tree.profile.shades[f];
    if (this.hits && this.hits[end] > this.hits[n]) return { color: hit };
    if (kind === "cut") return { color: "cut", pattern: this.hits ? "cut-faded" : "cut" };
    if (this.hits) return { color: faded[shade % faded.length] };
    return { color: (this.tree.level[n] < this.zoomedLevel ? callers : fills)[kind][shade] };
  }

  // The text, or as much of its beginning (or of its end) as fits, with an ellipsis; "" where that is
  // nothing.
  #fit(text, room, fromEnd) {
    const { ctx } = this.renderEngine;
    const width = ctx.measureText(text).width;
    if (width <= room) return text;
    for (let n = Math.floor((text.length * room) / width); n > 1; n--) {
      const part = fromEnd ? `…${text.slice(-n)}` : `${text.slice(0, n)}…`;
      if (ctx.measureText(part).width <= room) return part;
    }
    return "";
  }

  // What is shown of a name: all of it; without parameters; without template arguments; then its end,
  // where the function is, if namespaces stand before it, else its beginning.
  #label(n, w) {
    const room = w - 10;
    const f = this.tree.frame[n];
    const name = this.tree.name(n).slice(0, LONGEST_LABEL);
    if (f < 0 || !NAMESPACED.has(this.tree.profile.kinds[f]) || this.#fit(name, room) === name)
      return this.#fit(name, room);
    let short = name.replace(/(?<=[^(\s])\(.*$/s, "");
    if (this.#fit(short, room) !== short)
      short = short.replace(/<[^<>]*>/g, "").replace(/<.*>/s, "");
    const last = short.slice(short.lastIndexOf("::") + 2);
    const tail = this.#fit(short, room, last !== short);
    return last === short || tail.length > last.length ? tail : this.#fit(last, room);
  }

  #renderLevel(level, y) {
    const { tree, renderEngine: engine } = this;
    const left = engine.positionX,
      right = left + engine.getRealView();
    const end = tree.levels[level + 1];
    let last = null; // a run of slivers of one colour
    for (let n = tree.firstBeyond(level, left); n < end && tree.start[n] < right;) {
      const from = Math.max(0, engine.timeToPosition(tree.start[n]));
      const to = Math.min(engine.width, engine.timeToPosition(tree.start[n] + tree.total[n]));
      let next = n + 1;
      let w = to - from;
      const sliver = w < SLIVER;
      if (sliver) {
        next = Math.max(next, tree.firstBeyond(level, left + (from + 1) / engine.zoom, next));
        w = Math.min(1, engine.timeToPosition(tree.start[next - 1] + tree.total[next - 1]) - from);
      }
      const { color, pattern } = this.#style(n, next);
      if (sliver && last && last.color === color && from - last.x - last.w < 0.5) {
        last.w = from + w - last.x;
      } else {
        const rect = { color, pattern, x: from, y, w: w >= 3 ? w - 1 : w, h: ROW - 1 };
        engine.addRect(rect, 0);
        last = sliver ? rect : null;
      }
      if (w >= engine.minTextWidth + 6)
        engine.addText({ text: this.#label(n, w), x: from, y: y - 2, w: w + 4 }, 1);
      n = next;
    }
  }

  #outline(n, color) {
    const { x, y, w, h } = this.box(n);
    const from = Math.max(0, x),
      to = Math.min(this.renderEngine.width, x + w);
    if (to > from)
      this.renderEngine.addStroke(
        { color, x: from + 0.5, y: y + 0.5, w: Math.max(1, to - from - 2), h: h - 1 },
        2,
      );
  }

  render() {
    const { tree, renderEngine: engine } = this;
    this.scrollBy(0);
    for (let level = 0; level < tree.depth; level++) {
      const y = this.top(level);
      if (y + ROW > 0 && y < engine.height) this.#renderLevel(level, y);
    }
    if (this.hovered >= 0) this.#outline(this.hovered, this.palette.focus);
    if (this.focused >= 0) this.#outline(this.focused, this.palette.focus);
    engine.resolveQueue();
    return true; // no time grid: the axis is a share, not time
  }
}

// The chart on its canvas. Tells by callbacks what the pointer or the keyboard is at.
class Chart {
  // on: hover(node, event), focus(node), view()
  constructor(canvas, tree, on) {
    this.canvas = canvas;
    this.stage = canvas.parentElement;
    this.scrollbar = this.stage.querySelector("#scrollbar");
    this.on = on;
    this.trail = []; // views to go back to
    this.zoomed = 0; // the node that fills the width
    this.plugin = new FlamePlugin(tree);
    this.plugin.palette = palette(false);
    this.container = new flameChartJs.FlameChartContainer({
      canvas,
      plugins: [this.plugin],
      settings: {
        styles: { main: this.#styles(), timeGrid: { color: "transparent" } },
        options: { tooltip: false },
      },
    });
    this.engine = this.container.renderEngine;
    this.#listen();
    new ResizeObserver(() => this.#resize()).observe(this.stage);
    this.#resize();
  }

  #styles() {
    const { background, text } = this.plugin.palette;
    return {
      blockHeight: ROW - 1,
      font: FONT,
      fontColor: text,
      backgroundColor: background,
      blockPaddingLeftRight: 5,
    };
  }

  setPalette(colours) {
    this.plugin.palette = colours;
    this.container.setSettings({
      styles: { main: this.#styles(), timeGrid: { color: "transparent" } },
      options: { tooltip: false },
      patterns: [hatching("cut", colours.hatch), hatching("cut-faded", colours.hatchFaded)],
    });
  }

  setTree(tree) {
    this.plugin.setTree(tree);
    this.trail = [];
    this.zoomed = 0;
    this.engine.calcMinMax();
    this.engine.resetView();
    this.plugin.scroll = this.plugin.rootAtBottom ? Infinity : 0;
    this.#changed();
  }

  setDirection(rootAtBottom) {
    const fromRoot = this.plugin.rootAtBottom
      ? this.plugin.maxScroll - this.plugin.scroll
      : this.plugin.scroll;
    this.plugin.rootAtBottom = rootAtBottom;
    this.plugin.scroll = rootAtBottom ? this.plugin.maxScroll - fromRoot : fromRoot;
    this.#changed();
  }

  setSearch(nodeHit) {
    this.plugin.setSearch(nodeHit);
    this.container.render();
  }

  get view() {
    const start = this.engine.positionX;
    return {
      start,
      end: start + this.engine.getRealView(),
      scroll: this.plugin.scroll,
      node: this.zoomed,
    };
  }

  get isWhole() {
    const { start, end } = this.target ?? this.view;
    return end - start >= this.plugin.max * (1 - 1e-9);
  }

  zoomTo(n) {
    const { tree } = this.plugin;
    if (n === this.zoomed && !this.target && this.trail.length) return;
    this.trail.push(this.target ?? this.view);
    this.#go({
      start: tree.start[n],
      end: tree.start[n] + tree.total[n],
      scroll: this.#scrollFor(n),
      node: n,
    });
  }

  back() {
    if (this.trail.length) this.#go(this.trail.pop());
    else this.reset();
  }

  reset() {
    this.trail = [];
    this.#go({
      start: 0,
      end: this.plugin.max,
      scroll: this.plugin.rootAtBottom ? this.plugin.maxScroll : 0,
      node: 0,
    });
  }

  // Keyboard: what the outline is on; brought into view.
  focus(n) {
    this.plugin.focused = n;
    if (n >= 0) this.plugin.scroll = this.#scrollFor(n);
    this.on.focus(n);
    this.#changed();
  }

  // The client coordinates of the middle of what is visible of a node.
  middleOf(n) {
    const { x, y, w, h } = this.plugin.box(n);
    const rect = this.canvas.getBoundingClientRect();
    const from = Math.max(0, x),
      to = Math.min(this.engine.width, x + w);
    return { x: rect.left + (from + to) / 2, y: rect.top + y + h / 2, width: to - from };
  }

  #scrollFor(n) {
    const { plugin } = this;
    const y = plugin.top(plugin.tree.level[n]);
    const height = this.engine.height;
    if (y >= ROW && y + 2 * ROW <= height) return plugin.scroll;
    return plugin.scroll + y - (plugin.rootAtBottom ? height - 4 * ROW : 3 * ROW);
  }

  // Moves to a view, in 160 ms where motion is welcome.
  #go(to) {
    const from = this.view;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const began = performance.now();
    this.target = to;
    this.zoomed = to.node;
    this.plugin.zoomedLevel = this.plugin.tree.level[to.node];
    const step = () => {
      if (this.target !== to) return;
      const t = still ? 1 : Math.min(1, (performance.now() - began) / 160);
      const ease = t * (2 - t);
      const mix = (a, b) => (t === 1 ? b : a + (b - a) * ease);
      this.plugin.scroll = mix(from.scroll, to.scroll);
      this.#show(mix(from.start, to.start), mix(from.end, to.end));
      if (t === 1) this.target = null;
      else requestAnimationFrame(step);
      this.#changed();
    };
    step();
  }

  #show(start, end) {
    this.container.setZoom(start, Math.max(end, start + this.plugin.max * 1e-12));
  }

  #changed() {
    this.plugin.scrollBy(0);
    this.container.render();
    this.#moveScrollbar();
    this.on.view();
  }

  #resize() {
    if (!this.stage.clientHeight)
      // hidden: the engine would give up an empty canvas for good
      return;
    const view = this.target ?? this.view;
    const whole = this.isWhole;
    this.engine.resize(this.stage.clientWidth, this.stage.clientHeight);
    if (whole) this.engine.resetView();
    else this.#show(view.start, view.end);
    if (this.plugin.rootAtBottom) this.plugin.scroll = Math.min(view.scroll, this.plugin.maxScroll);
    this.#changed();
  }

  #moveScrollbar() {
    const { contentHeight, maxScroll, scroll } = this.plugin;
    const height = this.engine.height;
    this.scrollbar.hidden = maxScroll === 0;
    const thumb = this.scrollbar.firstElementChild;
    thumb.style.height = `${Math.max(24, (height * height) / contentHeight)}px`;
    thumb.style.top = `${maxScroll ? (scroll / maxScroll) * (height - thumb.offsetHeight) : 0}px`;
  }

  #listen() {
    const { canvas } = this;
    let pressed = null;
    canvas.addEventListener("mousedown", (e) => {
      pressed = { x: e.offsetX, y: e.offsetY };
    });
    canvas.addEventListener("click", (e) => {
      const n = this.plugin.nodeAt(e.offsetX, e.offsetY);
      const still = pressed && Math.hypot(e.offsetX - pressed.x, e.offsetY - pressed.y) < 4;
      if (still && n >= 0) {
        this.plugin.focused = -1;
        this.zoomTo(n);
      }
    });
    canvas.addEventListener("mousemove", (e) =>
      this.#hover(this.plugin.nodeAt(e.offsetX, e.offsetY), e),
    );
    canvas.addEventListener("mouseleave", (e) => this.#hover(-1, e));
    canvas.addEventListener("keydown", (e) => this.#key(e));
    canvas.addEventListener("blur", () => this.focus(-1));
    this.stage.addEventListener("wheel", (e) => this.#wheel(e), { capture: true, passive: false });
    this.#dragScrollbar();
  }

  #hover(n, event) {
    const pressed = event.buttons & 1;
    if (n !== this.plugin.hovered) {
      this.plugin.hovered = n;
      this.container.render();
    }
    canvasCursor(this.canvas, n, pressed);
    if (pressed) {
      // a drag: the chart has moved
      this.#moveScrollbar();
      this.on.view();
    }
    this.on.hover(pressed ? -1 : n, event);
  }

  // The wheel scrolls; with Ctrl (or a pinch) it zooms, which flame-chart-js does.
  #wheel(e) {
    if (e.ctrlKey || e.metaKey) {
      this.target = null;
      requestAnimationFrame(() => this.#changed());
      return;
    }
    e.stopPropagation();
    e.preventDefault();
    this.engine.tryToChangePosition(e.deltaX / this.engine.zoom);
    this.plugin.scrollBy(e.deltaMode === 1 ? e.deltaY * ROW : e.deltaY);
    this.#changed();
    this.#hover(e.target === this.canvas ? this.plugin.nodeAt(e.offsetX, e.offsetY) : -1, e);
  }

  #key(e) {
    const { tree } = this.plugin;
    const n = this.plugin.focused < 0 ? this.zoomed : this.plugin.focused;
    const sibling = (to) =>
      to >= tree.levels[tree.level[n]] && to < tree.levels[tree.level[n] + 1] ? to : n;
    const away = () => {
      const c = tree.firstChild(n);
      return c < 0 ? n : c;
    };
    const rootwards = () => Math.max(0, tree.parent[n]);
    const moves = {
      ArrowDown: this.plugin.rootAtBottom ? rootwards : away,
      ArrowUp: this.plugin.rootAtBottom ? away : rootwards,
      ArrowLeft: () => sibling(n - 1),
      ArrowRight: () => sibling(n + 1),
      Home: () => 0,
    };
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (moves[e.key]) this.focus(this.plugin.focused < 0 ? n : moves[e.key]());
    else if (e.key === "Enter" && this.plugin.focused >= 0) this.zoomTo(this.plugin.focused);
    else return;
    e.preventDefault();
  }

  #dragScrollbar() {
    const thumb = this.scrollbar.firstElementChild;
    thumb.addEventListener("pointerdown", (e) => {
      const { scroll } = this.plugin;
      const perPixel = this.plugin.maxScroll / Math.max(1, this.engine.height - thumb.offsetHeight);
      const move = (m) => {
        this.plugin.scroll = scroll;
        this.plugin.scrollBy((m.clientY - e.clientY) * perPixel);
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

function hatching(name, config) {
  return { name, type: "stripes", config: { ...config, lineWidth: 2.5, spacing: 2.5, angle: 45 } };
}

function canvasCursor(canvas, n, pressed) {
  canvas.style.cursor = pressed ? "grabbing" : n >= 0 ? "pointer" : "";
}
