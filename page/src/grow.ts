// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// From stacks to trees: all of them merged, the callers and callees of one function, one after the
// other in time.

import { Kind, type Profile } from "./data.ts";
import type { Samples, Window } from "./samples.ts";
import { NO_FRAME, Seedling, Tree } from "./tree.ts";

export type Split = "process" | "thread" | "none" | `label:${string}`;

// What counts, by stack of the profile.
export interface Weights {
  width: Float64Array;
  samples: Float64Array; // in the window; of the recording itself, not of its base
  pair: { before: Float64Array; after: Float64Array } | null;
}

// The groups above the stacks, outermost first, as [key, label].
function groupsOf(profile: Profile, split: Split, t: number): [string, string][] {
  if (split === "none") return [];
  const process = profile.process(t);
  if (split === "process") return [[process, process]];
  if (split.startsWith("label:")) {
    const key = split.slice("label:".length);
    const value = profile.labels(t).get(key) || `[no ${key}]`;
    return [
      [value, value],
      [process, process],
    ];
  }
  const tid = profile.threads.tid[t];
  return [
    [process, process],
    [`${tid} ${profile.comm(t)}`, `${profile.comm(t)} (${tid})`],
  ];
}

// By thread, the node that its stacks hang from; -1: not asked for yet.
class Tops {
  readonly #made = new Map<string, number>();
  readonly #byThread: Int32Array;

  constructor(
    readonly seedling: Seedling,
    readonly split: Split,
  ) {
    this.#byThread = new Int32Array(seedling.profile.nThreads).fill(-1);
  }

  of(t: number): number {
    if (this.#byThread[t]! < 0) this.#byThread[t] = this.#find(t);
    return this.#byThread[t]!;
  }

  #find(t: number): number {
    let node = 0;
    let path = "";
    for (const [key, label] of groupsOf(this.seedling.profile, this.split, t)) {
      path += `${key}\0`;
      const made = this.#made.get(path) ?? this.seedling.add(node, NO_FRAME, label);
      this.#made.set(path, made);
      node = made;
    }
    return node;
  }
}

// A copy of the recording's nodes below a node of the seedling, made as far as they are asked for.
class Graft {
  readonly #place: Int32Array;
  readonly #stamp: Int32Array;
  readonly #missing: Int32Array;
  #group = 0;

  constructor(readonly seedling: Seedling) {
    const { nNodes } = seedling.profile;
    this.#place = new Int32Array(nNodes);
    this.#stamp = new Int32Array(nNodes);
    this.#missing = new Int32Array(nNodes);
  }

  begin(top: number): void {
    this.#group++;
    this.#place[0] = top;
    this.#stamp[0] = this.#group;
  }

  node(of: number): number {
    const { parent, frame } = this.seedling.profile.nodes;
    let n = of;
    let count = 0;
    for (; this.#stamp[n] !== this.#group; n = parent[n]!) this.#missing[count++] = n;
    let at = this.#place[n]!;
    while (count) {
      n = this.#missing[--count]!;
      at = this.seedling.add(at, frame[n]!);
      this.#place[n] = at;
      this.#stamp[n] = this.#group;
    }
    return at;
  }
}

// Bytes are told by the cut frame that stands at the root of the stack.
function addCut(seedling: Seedling, leaf: number, s: number, samples: number): void {
  const { stacks, frames } = seedling.profile;
  const share = stacks.samples[s] ? samples / stacks.samples[s]! : 0;
  for (let n = leaf; n > 0; n = seedling.parent[n]!) {
    const f = seedling.frame[n]!;
    if (f < 0 || frames.kind[f] !== Kind.Cut) continue;
    const sum = seedling.cuts.get(n) ?? { samples: 0, wanted: 0, got: 0 };
    sum.samples += samples;
    sum.wanted += share * stacks.wanted[s]!;
    sum.got += share * stacks.got[s]!;
    seedling.cuts.set(n, sum);
  }
}

// All stacks, merged below their process or thread.
export function growAll(profile: Profile, weights: Weights, split: Split): Tree {
  const { stacks } = profile;
  const seedling = new Seedling(profile, "all", Boolean(weights.pair), profile.nNodes + 64);
  const tops = new Tops(seedling, split);
  const byTop = new Map<number, number[]>();
  for (let s = 0; s < profile.nStacks; s++) {
    if (!weights.width[s]) continue;
    const top = tops.of(stacks.thread[s]!);
    const members = byTop.get(top);
    if (members) members.push(s);
    else byTop.set(top, [s]);
  }
  const graft = new Graft(seedling);
  for (const [top, members] of byTop) {
    graft.begin(top);
    for (const s of members) {
      const leaf = graft.node(stacks.node[s]!);
      seedling.self[leaf]! += weights.width[s]!;
      if (weights.pair) {
        seedling.before[leaf]! += weights.pair.before[s]!;
        seedling.after[leaf]! += weights.pair.after[s]!;
      }
      if (stacks.wanted[s]) addCut(seedling, leaf, s, weights.samples[s]!);
    }
  }
  return Tree.of(seedling);
}

// Which frames are of one function, which nodes of the recording are the outermost of theirs
// (recursion counts once), and the children of each node.
export class Shape {
  readonly functionOf: Uint32Array; // by frame: the first frame of that name in that module
  readonly outermost: Uint8Array;
  readonly child: Int32Array;
  readonly sibling: Int32Array;

  constructor(readonly profile: Profile) {
    const { nNodes, nFrames, nodes, frames } = profile;
    const byName = new Map<number, number>();
    this.functionOf = Uint32Array.from(frames.name, (name, f) => {
      const key = name * profile.strings.length + frames.module[f]!;
      const first = byName.get(key) ?? f;
      byName.set(key, first);
      return first;
    });
    this.child = new Int32Array(nNodes).fill(-1);
    this.sibling = new Int32Array(nNodes).fill(-1);
    for (let n = nNodes - 1; n > 0; n--) {
      const p = nodes.parent[n]!;
      this.sibling[n] = this.child[p]!;
      this.child[p] = n;
    }
    this.outermost = new Uint8Array(nNodes);
    const onPath = new Uint32Array(nFrames);
    for (let n = this.child[0]!; n >= 0;) {
      if (onPath[this.functionOf[nodes.frame[n]!]!]!++ === 0) this.outermost[n] = 1;
      let next = this.child[n]!;
      while (next < 0 && n > 0) {
        onPath[this.functionOf[nodes.frame[n]!]!]!--;
        next = this.sibling[n]!;
        n = nodes.parent[n]!;
      }
      n = next;
    }
  }

  // Whether a node is an outermost call of a function, which is one of functionOf.
  isRoot(n: number, f: number): boolean {
    return Boolean(this.outermost[n]) && this.functionOf[this.profile.nodes.frame[n]!] === f;
  }
}

// What counts, by node of the recording: with all that it called, and of these its own.
export interface NodeSums {
  self: Float64Array;
  total: Float64Array;
}

export function sumByNode(profile: Profile, byStack: Float64Array): NodeSums {
  const self = new Float64Array(profile.nNodes);
  for (let s = 0; s < profile.nStacks; s++) self[profile.stacks.node[s]!]! += byStack[s]!;
  const total = self.slice();
  for (let n = profile.nNodes - 1; n > 0; n--) total[profile.nodes.parent[n]!]! += total[n]!;
  return { self, total };
}

// Self and total of each function: a stack in which it occurs twice (recursion) counts once.
export function sumByFunction(profile: Profile, shape: Shape, sums: NodeSums): NodeSums {
  const self = new Float64Array(profile.nFrames);
  const total = new Float64Array(profile.nFrames);
  for (let n = 1; n < profile.nNodes; n++) {
    const f = shape.functionOf[profile.nodes.frame[n]!]!;
    self[f]! += sums.self[n]!;
    if (shape.outermost[n]) total[f]! += sums.total[n]!;
  }
  return { self, total };
}

interface Sandwich {
  callers: Tree;
  callees: Tree;
}

// What called a function, and what it called. Where it calls itself, both are told from its
// outermost call on, so that the root of both is the function's total.
export function growSandwich(
  profile: Profile,
  shape: Shape,
  f: number,
  sums: NodeSums,
  pair: { before: NodeSums; after: NodeSums } | null,
): Sandwich {
  const callers = new Seedling(profile, profile.name(f), Boolean(pair));
  const callees = new Seedling(profile, profile.name(f), Boolean(pair));
  callers.frame[0] = callees.frame[0] = f;
  const byParent = new ChildIndex();
  const { parent, frame } = profile.nodes;
  const add = (to: Seedling, node: number, n: number, key: "self" | "total") => {
    to.self[node]! += sums[key][n]!;
    if (!pair) return;
    to.before[node]! += pair.before[key][n]!;
    to.after[node]! += pair.after[key][n]!;
  };
  const isEmpty = (n: number) =>
    !sums.total[n] && !(pair && (pair.before.total[n] || pair.after.total[n]));
  for (let n = 1; n < profile.nNodes; n++) {
    if (!shape.isRoot(n, f) || isEmpty(n)) continue;
    let at = 0;
    for (let p = parent[n]!; p > 0; p = parent[p]!) at = byParent.child(callers, at, frame[p]!);
    add(callers, at, n, "total");
  }
  growCallees(callees, { shape, f, isEmpty, add: (node, n) => add(callees, node, n, "self") });
  return { callers: Tree.of(callers), callees: Tree.of(callees) };
}

function growCallees(
  seedling: Seedling,
  from: {
    shape: Shape;
    f: number;
    isEmpty: (n: number) => boolean;
    add: (node: number, n: number) => void;
  },
): void {
  const { nNodes, nodes } = seedling.profile;
  const { shape, f } = from;
  const byParent = new ChildIndex();
  const pending: [n: number, at: number][] = [];
  for (let n = 1; n < nNodes; n++) if (shape.isRoot(n, f) && !from.isEmpty(n)) pending.push([n, 0]);
  while (pending.length) {
    const [n, at] = pending.pop()!;
    from.add(at, n);
    for (let c = shape.child[n]!; c >= 0; c = shape.sibling[c]!)
      if (!from.isEmpty(c)) pending.push([c, byParent.child(seedling, at, nodes.frame[c]!)]);
  }
}

// The child of a node by its function.
class ChildIndex {
  readonly #children = new Map<number, number>();

  child(seedling: Seedling, parent: number, frame: number): number {
    const key = parent * seedling.profile.nFrames + frame;
    let child = this.#children.get(key);
    if (child === undefined) {
      child = seedling.add(parent, frame);
      this.#children.set(key, child);
    }
    return child;
  }
}

// More samples than this in one view of a thread are not laid out; a smaller window shows them.
export const MOST_IN_TIME = 200000;

// One thread, in the order of time: a node for each call that went on from sample to sample. Widths
// are microseconds; self is the number of samples in a call.
export function growInTime(
  profile: Profile,
  samples: Samples,
  thread: number,
  { from, to }: Window,
  interval: number,
): Tree {
  const { nodes } = profile;
  const first = samples.at(thread, from);
  const end = Math.min(samples.at(thread, to), first + MOST_IN_TIME);
  const levels: TimeLevel[] = [];
  const open: number[] = []; // nodes of the recording, of the last sample
  let lastEnd = -1;
  const path: number[] = [];
  for (let i = first; i < end; i++) {
    const begin = samples.time[i]! - from;
    const next = i + 1 < end ? samples.time[i + 1]! - from : Infinity;
    const width = Math.min(next - begin, next - begin < 1.6 * interval ? Infinity : interval);
    const stop = Math.min(begin + width, to - from);
    path.length = 0;
    for (let n = profile.stacks.node[samples.stack[i]!]!; n > 0; n = nodes.parent[n]!) path.push(n);
    path.reverse();
    if (begin > lastEnd) open.length = 0;
    for (let l = 0; l < path.length; l++) {
      const level = (levels[l] ??= new TimeLevel());
      if (open[l] === path[l]) {
        level.extend(stop);
        continue;
      }
      open.length = l;
      level.push(nodes.frame[path[l]!]!, begin, stop, l ? levels[l - 1]!.last : 0);
      open.push(path[l]!);
    }
    open.length = Math.min(open.length, path.length);
    lastEnd = stop;
  }
  return timeTree(
    profile,
    levels,
    to - from,
    end - first,
    `${profile.comm(thread)} (${profile.threads.tid[thread]})`,
  );
}

class TimeLevel {
  readonly frame: number[] = [];
  readonly start: number[] = [];
  readonly end: number[] = [];
  readonly hits: number[] = [];
  readonly parent: number[] = []; // number on the level above

  get last(): number {
    return this.frame.length - 1;
  }

  push(frame: number, start: number, end: number, parent: number): void {
    this.frame.push(frame);
    this.start.push(start);
    this.end.push(end);
    this.hits.push(1);
    this.parent.push(parent);
  }

  extend(end: number): void {
    this.end[this.last] = end;
    this.hits[this.last]!++;
  }
}

function timeTree(
  profile: Profile,
  levels: TimeLevel[],
  width: number,
  nSamples: number,
  title: string,
): Tree {
  const size = levels.reduce((sum, level) => sum + level.frame.length, 1);
  const columns = {
    parent: new Int32Array(size),
    frame: new Int32Array(size),
    self: new Float64Array(size),
    total: new Float64Array(size),
    start: new Float64Array(size),
    levels: [0, 1],
    titles: new Map([[0, title]]),
    inTime: true,
  };
  columns.parent[0] = columns.frame[0] = -1;
  columns.total[0] = width;
  columns.self[0] = nSamples;
  let at = 1;
  for (const level of levels) {
    const above = columns.levels.at(-2)!;
    for (let i = 0; i < level.frame.length; i++, at++) {
      columns.parent[at] = above + level.parent[i]!;
      columns.frame[at] = level.frame[i]!;
      columns.self[at] = level.hits[i]!;
      columns.start[at] = level.start[i]!;
      columns.total[at] = level.end[i]! - level.start[i]!;
    }
    columns.levels.push(at);
  }
  return new Tree(profile, columns);
}
