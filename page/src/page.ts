// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The state of the page: what is looked at, and what follows from it, each computed when it is
// first asked for.

import type { Chart } from "./chart.ts";
import { Classes, type Palette, palette } from "./colours.ts";
import type { Profile } from "./data.ts";
import {
  type NodeSums,
  Shape,
  type Split,
  type Weights,
  growAll,
  growInTime,
  growSandwich,
  sumByFunction,
  sumByNode,
} from "./grow.ts";
import type { Samples, Window } from "./samples.ts";
import { exactly, matcher } from "./text.ts";
import type { Found, Tree } from "./tree.ts";
import { type View, formatFragment, parseFragment } from "./view.ts";

// Storage may be refused (a sandboxed frame): the page then only forgets.
export const remembered = {
  get(key: string): string | null {
    try {
      return localStorage.getItem(`egret.${key}`);
    } catch {
      return null;
    }
  },
  set(key: string, value: string): void {
    try {
      localStorage.setItem(`egret.${key}`, value);
    } catch {
      /* forgotten */
    }
  },
};

class Memo {
  readonly #kept = new Map<string, { on: unknown[]; value: unknown }>();

  get<T>(key: string, on: unknown[], compute: () => T): T {
    const kept = this.#kept.get(key);
    if (kept && kept.on.every((x, i) => x === on[i])) return kept.value as T;
    const value = compute();
    this.#kept.set(key, { on, value });
    return value;
  }
}

export interface FunctionRow {
  f: number;
  name: string;
  module: string;
  self: number;
  total: number;
  before: number; // total
  after: number;
}

export interface Scope {
  process: string;
  pid: number;
  samples: number;
  threads: { tid: number; comm: string; samples: number; numbers: number[] }[];
}

// Whether the sum of periods tells something that the number of samples does not.
function valueDiffers(profile: Profile): boolean {
  const { samples, value } = profile.stacks;
  const first = samples.findIndex((n, s) => n > 0 && value[s]! > 0);
  if (first < 0) return false;
  const ratio = value[first]! / samples[first]!;
  return samples.some((n, s) => Math.abs(value[s]! - n * ratio) > 0.005 * n * ratio);
}

export type ChartName = "main" | "time" | "callers" | "callees";

const sum = (column: Float64Array) => column.reduce((a, b) => a + b, 0);

function plainSplit({ doc }: Profile): Split {
  if (doc.by_label) return `label:${doc.by_label}`;
  return doc.by_thread ? "thread" : "process";
}

export class Page {
  view: View;
  samples: Samples | null = null;
  colours: Palette = palette(false);
  readonly charts = new Map<ChartName, Chart>();
  // What is pointed at: the tooltip and the line of details show it.
  onHover: (chart: ChartName, tree: Tree, n: number, event: MouseEvent) => void = () => {};
  onFocus: (chart: ChartName, tree: Tree, n: number) => void = () => {};
  onMoved: (chart: ChartName) => void = () => {};
  readonly classes: Classes;
  readonly hasValues: boolean;
  readonly scopes: Scope[];
  readonly labelKeys: string[];
  readonly #plain: View; // what an empty fragment stands for
  readonly #memo = new Memo();
  readonly #listeners: (() => void)[] = [];
  #fragmentTimer = 0;

  constructor(readonly profile: Profile) {
    this.classes = new Classes(profile);
    this.hasValues = valueDiffers(profile);
    this.scopes = scopesOf(profile);
    this.labelKeys = profile.labelKeys;
    this.#plain = {
      tab: "flame",
      rootAtBottom: remembered.get("direction") === "bottom",
      scope: "all",
      split: plainSplit(profile),
      weight: "samples",
      side: "both",
      search: "",
      window: null,
      zoom: 0,
      fn: -1,
      thread: -1,
    };
    this.view = { ...this.#plain };
    this.applyFragment(location.hash);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  set(patch: Partial<View>): void {
    const grown = ["scope", "split", "weight", "side", "window"] as const;
    const anotherTree = grown.some((key) => key in patch && patch[key] !== this.view[key]);
    this.view = { ...this.view, ...(anotherTree ? { zoom: 0 } : {}), ...patch };
    this.changed();
    this.saveFragment();
  }

  // The user has zoomed: nothing else follows.
  zoomed(n: number): void {
    this.view.zoom = n;
    this.saveFragment();
  }

  // Searches for exactly this function.
  find(f: number): void {
    this.set({ search: exactly(this.profile.name(f)), tab: "flame" });
  }

  setDirection(rootAtBottom: boolean): void {
    remembered.set("direction", rootAtBottom ? "bottom" : "top");
    this.set({ rootAtBottom });
  }

  // The next match of the search, from left to right and from the root on.
  nextHit(direction: 1 | -1): void {
    const chart = this.charts.get("main");
    const { found, tree } = this;
    if (!chart || !found?.count) return;
    let n = chart.layer.focused < 0 && direction < 0 ? 0 : Math.max(0, chart.layer.focused);
    do n = (n + direction + tree.size) % tree.size;
    while (!found.nodeHit[n]);
    if (this.view.tab !== "flame") this.set({ tab: "flame" });
    chart.focus(n);
  }

  // The chart that the keyboard is for.
  get chart(): Chart | undefined {
    const { tab } = this.view;
    const name = tab === "time" ? "time" : tab === "functions" ? "callees" : "main";
    return this.charts.get(name);
  }

  // ---- the fragment ----

  saveFragment(): void {
    clearTimeout(this.#fragmentTimer);
    this.#fragmentTimer = setTimeout(() => {
      this.#fragmentTimer = 0;
      const fragment = formatFragment(this.view, this.#plain);
      if (`#${fragment}` === location.hash || (!fragment && !location.hash)) return;
      try {
        history.replaceState(null, "", `#${fragment}`);
      } catch {
        location.replace(`#${fragment}`); // where a document may not rewrite its address
      }
    }, 60);
  }

  get isSaved(): boolean {
    return this.#fragmentTimer === 0;
  }

  applyFragment(fragment: string): void {
    if (fragment.replace(/^#/, "") === formatFragment(this.view, this.#plain)) return;
    const view = { ...this.#plain, ...parseFragment(fragment) };
    if (view.fn >= this.profile.nFrames) view.fn = -1;
    if (view.thread >= this.profile.nThreads) view.thread = -1;
    if (!this.hasValues) view.weight = "samples";
    if (view.split.startsWith("label:") && !this.labelKeys.includes(view.split.slice(6)))
      view.split = this.#plain.split;
    const whole = !view.zoom; // which a chart that keeps its zoom would set
    this.view = view;
    this.changed();
    if (whole && this.charts.get("main")?.zoomed) this.charts.get("main")!.reset();
  }

  // ---- what follows from it ----

  get unit(): string {
    return this.view.weight === "samples" ? "samples" : this.profile.doc.event.unit || "count";
  }

  get inScope(): (thread: number) => boolean {
    return this.#memo.get("inScope", [this.view.scope], () => {
      const { threads } = this.profile;
      const [pid, tid] = this.view.scope.slice(1).split("/").map(Number);
      if (this.view.scope === "all") return () => true;
      const wantsThread = this.view.scope[0] === "t";
      return (t: number) => threads.pid[t] === pid && (!wantsThread || threads.tid[t] === tid);
    });
  }

  get window(): Window | null {
    const { window } = this.view;
    return this.samples && window;
  }

  get weights(): Weights {
    const { scope, weight, side } = this.view;
    return this.#memo.get("weights", [scope, weight, side, this.window], () => {
      const { stacks, nStacks } = this.profile;
      const { window } = this;
      const counted = window && this.samples ? this.samples.within(window, nStacks) : stacks;
      const scoped = (column: Float64Array) =>
        scope === "all" ? column : column.map((n, s) => (this.inScope(stacks.thread[s]!) ? n : 0));
      const samples = scoped(counted.samples);
      const after = weight === "samples" ? samples : scoped(counted.value);
      if (!this.profile.isComparison) return { width: after, samples, pair: null };
      const before = scoped(weight === "samples" ? stacks.baseSamples : stacks.baseValue);
      const scale = this.#scale(weight);
      const width =
        side === "after"
          ? after
          : before.map((n, s) => (side === "both" ? (after[s]! + n * scale) / 2 : n * scale));
      return { width, samples, pair: { before, after } };
    });
  }

  // What makes recordings of different length comparable.
  #scale(weight: View["weight"]): number {
    const { stacks } = this.profile;
    const [after, before] =
      weight === "samples"
        ? [stacks.samples, stacks.baseSamples]
        : [stacks.value, stacks.baseValue];
    return sum(before) && sum(after) ? sum(after) / sum(before) : 1;
  }

  // Of all that is shown; of a comparison, both sides too.
  get whole(): { width: number; before: number; after: number; base: number; samples: number } {
    return this.#memo.get("whole", [this.weights], () => {
      const { width, samples, pair } = this.weights;
      const base = this.profile.stacks.baseSamples.filter((_, s) =>
        this.inScope(this.profile.stacks.thread[s]!),
      );
      return {
        width: sum(width),
        before: pair ? sum(pair.before) : 0,
        after: pair ? sum(pair.after) : 0,
        base: sum(base),
        samples: sum(samples),
      };
    });
  }

  get tree(): Tree {
    return this.#memo.get("tree", [this.weights, this.view.split], () =>
      growAll(this.profile, this.weights, this.view.split),
    );
  }

  get found(): Found | null {
    const { search } = this.view;
    if (!search) return null;
    return this.#memo.get("found", [this.tree, search], () => this.tree.search(matcher(search)));
  }

  get frameHits(): Uint8Array | null {
    const { search } = this.view;
    if (!search) return null;
    return this.#memo.get("frameHits", [search], () => {
      const matches = matcher(search);
      return Uint8Array.from({ length: this.profile.nFrames }, (_, f) =>
        matches(this.profile.name(f)) ? 1 : 0,
      );
    });
  }

  // The stacks that have a match.
  get stackHits(): Uint8Array | null {
    const { frameHits } = this;
    if (!frameHits) return null;
    return this.#memo.get("stackHits", [frameHits], () => {
      const { nNodes, nodes, stacks } = this.profile;
      const hit = new Uint8Array(nNodes);
      for (let n = 1; n < nNodes; n++)
        hit[n] = hit[nodes.parent[n]!]! | frameHits[nodes.frame[n]!]!;
      return Uint8Array.from(stacks.node, (n) => hit[n]!);
    });
  }

  // Matches in another tree than the flame graph.
  hitsIn(tree: Tree): Uint8Array | null {
    const { frameHits } = this;
    return frameHits && Uint8Array.from(tree.frame, (f) => (f < 0 ? 0 : frameHits[f]!));
  }

  get shape(): Shape {
    return this.#memo.get("shape", [], () => new Shape(this.profile));
  }

  get #sums(): { width: NodeSums; pair: { before: NodeSums; after: NodeSums } | null } {
    return this.#memo.get("sums", [this.weights], () => {
      const { width, pair } = this.weights;
      const of = (column: Float64Array) => sumByNode(this.profile, column);
      return {
        width: of(width),
        pair: pair && { before: of(pair.before), after: of(pair.after) },
      };
    });
  }

  get functions(): FunctionRow[] {
    return this.#memo.get("functions", [this.weights], () => {
      const { profile, shape } = this;
      const sums = this.#sums;
      const { self, total } = sumByFunction(profile, shape, sums.width);
      const totals = (side: NodeSums) => sumByFunction(profile, shape, side).total;
      const before = sums.pair && totals(sums.pair.before);
      const after = sums.pair && totals(sums.pair.after);
      const rows = [];
      for (let f = 0; f < profile.nFrames; f++)
        if (total[f])
          rows.push({
            f,
            name: profile.name(f),
            module: profile.module(f),
            self: self[f]!,
            total: total[f]!,
            before: before ? before[f]! : 0,
            after: after ? after[f]! : 0,
          });
      return rows;
    });
  }

  get sandwich(): { callers: Tree; callees: Tree } | null {
    const { fn } = this.view;
    if (fn < 0) return null;
    const f = this.shape.functionOf[fn]!;
    return this.#memo.get("sandwich", [this.weights, f], () => {
      const sums = this.#sums;
      return growSandwich(this.profile, this.shape, f, sums.width, sums.pair);
    });
  }

  // The thread that is shown in time.
  get thread(): number {
    const { thread, scope } = this.view;
    if (thread >= 0 && this.inScope(thread)) return thread;
    const { samples, inScope } = this;
    if (!samples) return -1;
    return this.#memo.get("busiest", [scope, samples], () => {
      const n = (t: number) => (inScope(t) ? samples.first[t + 1]! - samples.first[t]! : 0);
      let best = 0;
      for (let t = 1; t < this.profile.nThreads; t++) if (n(t) > n(best)) best = t;
      return n(best) ? best : -1;
    });
  }

  get interval(): number {
    return this.#memo.get("interval", [this.samples], () => this.samples?.interval() || 1000);
  }

  get wholeTime(): Window {
    return { from: 0, to: Math.max(1, Math.ceil((this.samples?.end ?? 0) + this.interval)) };
  }

  get timeTree(): Tree | null {
    const { samples, thread } = this;
    if (!samples || thread < 0) return null;
    const window = this.window ?? this.#memo.get("wholeTime", [samples], () => this.wholeTime);
    return this.#memo.get("timeTree", [samples, thread, window], () =>
      growInTime(this.profile, samples, thread, window, this.interval),
    );
  }
}

// Samples by thread; of a comparison, of both recordings.
function samplesByThread(profile: Profile): Float64Array {
  const sums = new Float64Array(profile.nThreads);
  const { thread, samples, baseSamples } = profile.stacks;
  for (let s = 0; s < profile.nStacks; s++) sums[thread[s]!]! += samples[s]! + baseSamples[s]!;
  return sums;
}

// Processes and their threads, the busiest first. A thread that changed its name has several
// numbers, and goes by the name under which it ran most.
function scopesOf(profile: Profile): Scope[] {
  const { pid: pids, tid: tids } = profile.threads;
  const perThread = samplesByThread(profile);
  const order = Array.from(perThread, (_, t) => t).sort((a, b) => perThread[b]! - perThread[a]!);
  const processes = new Map<number, Scope>();
  const byTid = new Map<string, Scope["threads"][0]>();
  for (const t of order) {
    const [pid, tid] = [pids[t]!, tids[t]!];
    let process = processes.get(pid);
    if (!process) {
      process = { process: profile.process(t), pid, samples: 0, threads: [] };
      processes.set(pid, process);
    }
    let thread = byTid.get(`${pid}/${tid}`);
    if (!thread) {
      thread = { tid, comm: profile.comm(t), samples: 0, numbers: [] };
      byTid.set(`${pid}/${tid}`, thread);
      process.threads.push(thread);
    }
    process.samples += perThread[t]!;
    thread.samples += perThread[t]!;
    thread.numbers.push(t);
  }
  const busiest = (a: { samples: number }, b: { samples: number }) => b.samples - a.samples;
  for (const { threads } of processes.values()) threads.sort(busiest);
  return [...processes.values()].sort(busiest);
}
