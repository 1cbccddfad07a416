// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The axis of time: a lane for each thread, filled as far as it ran, in the colours of what it ran.
// A drag over it selects a window.

import uPlot from "uplot";
import { KIND_NAMES, type KindName } from "./colours.ts";
import type { Page } from "./page.ts";
import type { Samples, Window } from "./samples.ts";

export const LANE = 18; // pixels
const AXIS = 22;
const FEW = 6; // lanes that are shown at first
const MOST = 200;

export interface Lane {
  threads: number[];
  label: string;
  scope: string | null; // null: several threads
}

// The busiest threads, and all others as one.
export function lanesOf(page: Page, showsAll: boolean): Lane[] {
  const { samples, profile } = page;
  if (!samples) return [];
  const n = (t: number) => samples.first[t + 1]! - samples.first[t]!;
  const threads = Array.from({ length: profile.nThreads }, (_, t) => t)
    .filter((t) => n(t) && page.inScope(t))
    .sort((a, b) => n(b) - n(a));
  const limit = showsAll ? MOST : FEW;
  const shown = threads.length <= limit ? threads.length : limit - 1;
  const lanes: Lane[] = threads.slice(0, shown).map((t) => ({
    threads: [t],
    label: `${profile.comm(t)} ${profile.threads.tid[t]}`,
    scope: `t${profile.threads.pid[t]}/${profile.threads.tid[t]}`,
  }));
  const rest = threads.slice(shown);
  if (rest.length) lanes.push({ threads: rest, label: `${rest.length} more threads`, scope: null });
  return lanes;
}

export class Axis {
  #plot: uPlot | null = null;
  #lanes: Lane[] = [];
  readonly #leafKind: Uint8Array;

  constructor(
    readonly box: HTMLElement,
    readonly page: Page,
    readonly onHover: (at: { us: number; lane: Lane; x: number; y: number } | null) => void,
  ) {
    const { profile, classes } = page;
    const group = KIND_NAMES.indexOf("group");
    this.#leafKind = Uint8Array.from(profile.stacks.node, (n) =>
      n ? classes.kindNumber[profile.nodes.frame[n]!]! : group,
    );
    new ResizeObserver(() => this.#resize()).observe(box);
  }

  show(lanes: Lane[]): void {
    this.#lanes = lanes;
    if (!this.#plot && this.box.clientWidth) this.#plot = this.#create();
    this.#resize();
    this.#plot?.redraw(false, true);
    this.#showWindow();
  }

  #size() {
    return { width: this.box.clientWidth, height: AXIS + LANE * this.#lanes.length };
  }

  #resize(): void {
    if (!this.box.clientWidth) return;
    if (!this.#plot) return this.show(this.#lanes);
    const { width, height } = this.#size();
    if (this.#plot.width === width && this.#plot.height === height) return;
    this.#plot.setSize({ width, height });
    this.#showWindow();
  }

  #create(): uPlot {
    const { from, to } = this.page.wholeTime;
    const whole: [number, number] = [from / 1e6, to / 1e6];
    const colour = (key: "soft" | "line") => () => this.page.colours[key];
    const options: uPlot.Options = {
      ...this.#size(),
      legend: { show: false },
      padding: [0, 16, 0, 16],
      scales: { x: { time: false, range: () => whole }, y: { range: () => [0, 1] } },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: 3 },
        bind: {
          dblclick: () => () => {
            this.page.set({ window: null });
            return null;
          },
        },
      },
      axes: [
        {
          side: 0,
          size: AXIS,
          gap: 2,
          font: "11px system-ui, sans-serif",
          stroke: colour("soft"),
          grid: { stroke: colour("line"), width: 1 },
          ticks: { show: false },
          values: (_, splits) => splits.map((s) => `${+s.toFixed(6)} s`),
        },
        { show: false },
      ],
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      hooks: {
        draw: [(u) => this.#draw(u)],
        setSelect: [(u) => this.#selected(u)],
        setCursor: [(u) => this.#hover(u)],
      },
    };
    return new uPlot(options, [whole, [0, 0]], this.box);
  }

  #selected(u: uPlot): void {
    const { left, width } = u.select;
    if (width < 2) return;
    const us = (x: number) => Math.max(0, Math.round(1e6 * u.posToVal(x, "x")));
    const window = { from: us(left), to: us(left + width) };
    if (window.to > window.from) this.page.set({ window });
  }

  #showWindow(): void {
    const u = this.#plot;
    if (!u) return;
    const { window } = this.page;
    this.box.toggleAttribute("data-whole", !window);
    const x = (us: number) => u.valToPos(us / 1e6, "x");
    const select = window
      ? { left: x(window.from), width: x(window.to) - x(window.from) }
      : { left: 0, width: 0 };
    u.setSelect({ ...select, top: 0, height: LANE * this.#lanes.length }, false);
  }

  #hover(u: uPlot): void {
    const { left, top } = u.cursor;
    const lane = this.#lanes[Math.floor((top ?? -1) / LANE)];
    if (left === undefined || left < 0 || !lane) return this.onHover(null);
    const rect = u.over.getBoundingClientRect();
    this.onHover({
      us: 1e6 * u.posToVal(left, "x"),
      lane,
      x: rect.left + left,
      y: rect.top + (top ?? 0),
    });
  }

  #draw(u: uPlot): void {
    const { samples, colours, stackHits, page } = { ...this.#drawn(), page: this.page };
    if (!samples) return;
    const { left, top, width } = u.bbox;
    const height = u.bbox.height / Math.max(1, this.#lanes.length);
    const { from, to } = page.wholeTime;
    const columns = Math.max(1, Math.floor(width));
    const scale = columns / (to - from);
    const paints = stackHits
      ? { of: (s: number) => stackHits[s]!, fills: [colours.faded[0]!, colours.hit] }
      : { of: (s: number) => this.#leafKind[s]!, fills: KIND_NAMES.map((k) => this.#fill(k)) };
    this.#lanes.forEach((lane, i) => {
      const cover = covers(samples, lane, { columns, scale, interval: page.interval, paints });
      drawLane(u.ctx, cover, paints.fills, {
        left,
        top: top + i * height + 2,
        columns,
        height: height - 3,
      });
    });
  }

  #drawn() {
    const { samples, colours, stackHits } = this.page;
    return { samples, colours, stackHits };
  }

  #fill(kind: KindName): string {
    const { colours } = this.page;
    if (kind === "cut") return colours.hatch.color;
    return kind === "group" ? colours.soft : colours.fills[kind][0]!;
  }
}

// How much of each column a thread ran, by paint: [paint * columns + column].
function covers(
  samples: Samples,
  lane: Lane,
  to: {
    columns: number;
    scale: number;
    interval: number;
    paints: { of: (stack: number) => number; fills: string[] };
  },
): Float32Array {
  const { columns, scale, interval, paints } = to;
  const cover = new Float32Array(paints.fills.length * columns);
  const width = interval * scale;
  const share = lane.threads.length > 1 ? 1 / Math.min(lane.threads.length, 4) : 1;
  for (const t of lane.threads)
    for (let i = samples.first[t]!; i < samples.first[t + 1]!; i++) {
      const base = paints.of(samples.stack[i]!) * columns;
      const x = samples.time[i]! * scale;
      const end = Math.min(columns, x + width);
      for (let c = Math.floor(x); c < end; c++)
        cover[base + c]! += (Math.min(end, c + 1) - Math.max(x, c)) * share;
    }
  return cover;
}

function drawLane(
  ctx: CanvasRenderingContext2D,
  cover: Float32Array,
  fills: string[],
  box: { left: number; top: number; columns: number; height: number },
): void {
  const { left, top, columns, height } = box;
  const filled = new Float32Array(columns);
  fills.forEach((fill, paint) => {
    ctx.fillStyle = fill;
    for (let c = 0; c < columns; c++) {
      const part = Math.min(1 - filled[c]!, cover[paint * columns + c]!);
      if (part <= 0) continue;
      const h = Math.max(1, part * height);
      filled[c]! += part;
      ctx.fillRect(left + c, top + height - filled[c]! * height, 1, h);
    }
  });
}

// What a lane shows at a time: the samples there, and the function most of them were in.
export function whatRan(
  page: Page,
  lane: Lane,
  us: number,
  width: number,
): { n: number; window: Window; function: number; most: number } {
  const { samples, profile } = page;
  const window = { from: Math.max(0, us - width), to: us + width };
  const counts = new Map<number, number>();
  let n = 0;
  for (const t of lane.threads) {
    const end = samples!.at(t, window.to);
    for (let i = samples!.at(t, window.from); i < end; i++, n++) {
      const leaf = profile.stacks.node[samples!.stack[i]!]!;
      const f = leaf ? profile.nodes.frame[leaf]! : -1;
      counts.set(f, (counts.get(f) ?? 0) + 1);
    }
  }
  let [best, most] = [-1, 0];
  for (const [f, k] of counts) if (k > most) [best, most] = [f, k];
  return { n, window, function: best, most };
}
