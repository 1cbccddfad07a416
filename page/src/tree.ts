// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The trees that are drawn, in columns; how they grow is in grow.ts.

import type { Profile } from "./data.ts";

export const NO_FRAME = -1;

export interface CutBytes {
  samples: number;
  wanted: number;
  got: number;
}

export interface Found {
  nodeHit: Uint8Array;
  weight: number; // of the stacks that have a match, each counted once
  count: number; // nodes
  functions: Set<number>;
}

// Samples before and after, of a comparison; by node, with those of all that it called.
export interface Pair {
  before: Float64Array;
  after: Float64Array;
}

// While a tree grows: parents before children, node 0 the root of all.
export class Seedling {
  n = 0;
  parent: Int32Array;
  frame: Int32Array;
  self: Float64Array;
  before: Float64Array;
  after: Float64Array;
  readonly titles = new Map<number, string>(); // of nodes without a frame
  readonly cuts = new Map<number, CutBytes>(); // by node of a cut frame

  constructor(
    readonly profile: Profile,
    title: string,
    readonly isPair = false,
    room = 1024,
  ) {
    this.parent = new Int32Array(room);
    this.frame = new Int32Array(room);
    this.self = new Float64Array(room);
    this.before = new Float64Array(isPair ? room : 0);
    this.after = new Float64Array(isPair ? room : 0);
    this.add(-1, NO_FRAME, title);
  }

  add(parent: number, frame: number, title?: string): number {
    if (this.n === this.parent.length) this.#grow();
    this.parent[this.n] = parent;
    this.frame[this.n] = frame;
    if (title !== undefined) this.titles.set(this.n, title);
    return this.n++;
  }

  #grow(): void {
    const larger = <T extends Int32Array | Float64Array>(column: T): T => {
      const to = new (column.constructor as { new (n: number): T })(2 * column.length);
      to.set(column);
      return to;
    };
    this.parent = larger(this.parent);
    this.frame = larger(this.frame);
    this.self = larger(this.self);
    if (this.isPair) {
      this.before = larger(this.before);
      this.after = larger(this.after);
    }
  }
}

function sums(self: Float64Array, parent: Int32Array, n: number): Float64Array {
  const total = self.slice(0, n);
  for (let i = n - 1; i > 0; i--) total[parent[i]!]! += total[i]!;
  return total;
}

// children[from, to) by width, widest first; equal ones as they came.
function sortChildren(order: Int32Array, from: number, to: number, total: Float64Array): void {
  const before = (a: number, b: number) => total[b]! - total[a]! || a - b;
  if (to - from > 16) {
    order.subarray(from, to).sort(before);
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const n = order[i]!;
    let at = i;
    for (; at > from && before(order[at - 1]!, n) > 0; at--) order[at] = order[at - 1]!;
    order[at] = n;
  }
}

// Nodes in columns, parents before children, in order of level, then of x: levels[l] is the first
// node of level l.
export class Tree {
  readonly size: number;
  readonly depth: number;
  readonly all: number; // the width of the root
  readonly parent: Int32Array;
  readonly frame: Int32Array;
  readonly level: Uint32Array;
  readonly self: Float64Array;
  readonly total: Float64Array; // width
  readonly start: Float64Array;
  readonly pair: Pair | null = null;
  readonly levels: number[] = [0];
  readonly titles: Map<number, string>;
  readonly cuts: Map<number, CutBytes>;
  readonly inTime: boolean; // widths are microseconds, and there are gaps

  constructor(
    readonly profile: Profile,
    columns: {
      parent: Int32Array;
      frame: Int32Array;
      self: Float64Array;
      total: Float64Array;
      start: Float64Array;
      levels: number[];
      pair?: Pair | null;
      titles?: Map<number, string>;
      cuts?: Map<number, CutBytes>;
      inTime?: boolean;
    },
  ) {
    this.parent = columns.parent;
    this.frame = columns.frame;
    this.self = columns.self;
    this.total = columns.total;
    this.start = columns.start;
    this.levels = columns.levels;
    this.pair = columns.pair ?? null;
    this.titles = columns.titles ?? new Map();
    this.cuts = columns.cuts ?? new Map();
    this.inTime = columns.inTime ?? false;
    this.size = this.parent.length;
    this.all = this.total[0]!;
    this.depth = this.levels.length - 1;
    this.level = new Uint32Array(this.size);
    for (let l = 0; l < this.depth; l++) this.level.fill(l, this.levels[l], this.levels[l + 1]);
  }

  // Breadth first, so that a level is a run of nodes from left to right, widest first.
  static of(seedling: Seedling): Tree {
    const { n: size, parent } = seedling;
    const total = sums(seedling.self, parent, size);
    const child = new Int32Array(size).fill(-1);
    const sibling = new Int32Array(size);
    for (let n = size - 1; n > 0; n--) {
      sibling[n] = child[parent[n]!]!;
      child[parent[n]!] = n;
    }
    const order = new Int32Array(size);
    const newParent = new Int32Array(size);
    const start = new Float64Array(size);
    const levels = [0];
    newParent[0] = -1;
    for (let i = 0, end = 1, next = 1; i < size; i++) {
      if (i === next) {
        levels.push(i);
        next = end;
      }
      const from = end;
      for (let c = child[order[i]!]!; c >= 0; c = sibling[c]!) order[end++] = c;
      if (end - from > 1) sortChildren(order, from, end, total);
      let at = start[i]!;
      for (let c = from; c < end; c++) {
        newParent[c] = i;
        start[c] = at;
        at += total[order[c]!]!;
      }
    }
    levels.push(size);
    return Tree.#renumbered(seedling, order, { parent: newParent, start, total, levels });
  }

  static #renumbered(
    seedling: Seedling,
    order: Int32Array,
    made: { parent: Int32Array; start: Float64Array; total: Float64Array; levels: number[] },
  ): Tree {
    const size = order.length;
    const pick = (column: Float64Array) => {
      const picked = new Float64Array(size);
      for (let i = 0; i < size; i++) picked[i] = column[order[i]!]!;
      return picked;
    };
    const frame = new Int32Array(size);
    const titles = new Map<number, string>();
    const cuts = new Map<number, CutBytes>();
    for (let i = 0; i < size; i++) {
      const n = order[i]!;
      frame[i] = seedling.frame[n]!;
      if (frame[i]! < 0) titles.set(i, seedling.titles.get(n) ?? "");
      const cut = seedling.cuts.size ? seedling.cuts.get(n) : undefined;
      if (cut) cuts.set(i, cut);
    }
    const pair = seedling.isPair
      ? {
          before: pick(sums(seedling.before, seedling.parent, size)),
          after: pick(sums(seedling.after, seedling.parent, size)),
        }
      : null;
    return new Tree(seedling.profile, {
      parent: made.parent,
      frame,
      self: pick(seedling.self),
      total: pick(made.total),
      start: made.start,
      levels: made.levels,
      pair,
      titles,
      cuts,
    });
  }

  name(n: number): string {
    const f = this.frame[n]!;
    return f < 0 ? (this.titles.get(n) ?? "") : this.profile.name(f);
  }

  // The first node of a level whose end lies beyond x; the level's end where there is none.
  firstBeyond(level: number, x: number, from = this.levels[level]!): number {
    let low = from;
    let high = this.levels[level + 1]!;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[middle]! + this.total[middle]! > x) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  // The node of a level that covers x, or -1.
  at(level: number, x: number): number {
    if (level < 0 || level >= this.depth) return -1;
    const n = this.firstBeyond(level, x);
    return n < this.levels[level + 1]! && this.start[n]! <= x ? n : -1;
  }

  firstChild(n: number): number {
    const below = this.level[n]! + 1;
    const c = below < this.depth ? this.firstBeyond(below, this.start[n]!) : this.size;
    return c < this.size && this.parent[c] === n ? c : -1;
  }

  // A node of another tree, or of that which calls it where there is no such node here.
  sameAs(other: Tree, n: number): number {
    const path: number[] = [];
    for (let a = n; a > 0; a = other.parent[a]!) path.push(a);
    let here = 0;
    for (const a of path.reverse()) {
      let c = this.firstChild(here);
      if (c < 0) return here;
      while (c < this.size && this.parent[c] === here && !this.#isSame(c, other, a)) c++;
      if (c === this.size || this.parent[c] !== here) return here;
      here = c;
    }
    return here;
  }

  #isSame(c: number, other: Tree, a: number): boolean {
    if (this.frame[c] !== other.frame[a]) return false;
    return this.frame[c]! >= 0 || this.titles.get(c) === other.titles.get(a);
  }

  // Nodes whose function matches.
  search(matches: (name: string) => boolean): Found {
    const { nFrames } = this.profile;
    const frameHit = new Uint8Array(nFrames);
    for (let f = 0; f < nFrames; f++) frameHit[f] = matches(this.profile.name(f)) ? 1 : 0;
    const nodeHit = new Uint8Array(this.size);
    const below = new Uint8Array(this.size);
    const functions = new Set<number>();
    let weight = 0;
    let count = 0;
    for (let n = 0; n < this.size; n++) {
      const f = this.frame[n]!;
      const p = this.parent[n]!;
      const covered = p >= 0 && below[p]!;
      nodeHit[n] = f < 0 ? 0 : frameHit[f]!;
      if (nodeHit[n]) {
        functions.add(f);
        count++;
        if (!covered) weight += this.total[n]!;
      }
      below[n] = covered || nodeHit[n]! ? 1 : 0;
    }
    return { nodeHit, weight, count, functions };
  }

  // Labels from the process down, and the weight, of each stack: what the folded output holds.
  stacks(): { labels: string[]; weight: number }[] {
    const lines = [];
    for (let n = 1; n < this.size; n++) {
      if (!this.self[n]) continue;
      const labels = [];
      for (let a = n; a > 0; a = this.parent[a]!) {
        const f = this.frame[a]!;
        labels.push(f < 0 ? this.name(a) : this.profile.label(f));
      }
      lines.push({ labels: labels.reverse(), weight: this.self[n]! });
    }
    return lines;
  }
}
