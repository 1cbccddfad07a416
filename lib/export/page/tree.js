// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The tree that is drawn: the stacks of one process, one thread or all, merged, widest first.

const NO_FRAME = -1;

// The groups above the stacks, outermost first, as [key, label].
function groupsOf(profile, split, t) {
  if (split === "none") return [];
  const process = profile.process(t);
  if (split === "process") return [[process, process]];
  const tid = profile.threads.tid[t];
  return [
    [process, process],
    [`${tid} ${profile.comm(t)}`, `${profile.comm(t)} (${tid})`],
  ];
}

// Nodes in columns, parents before children, node 0 the root of all. After layout() they are in order of
// level, then of x: levels[l] is the first node of level l.
class Tree {
  // inScope(thread) tells which threads count; weigh is a column of profile.stacks.
  constructor(
    profile,
    { inScope = () => true, split = "process", weigh = profile.stacks.samples } = {},
  ) {
    this.profile = profile;
    this.parent = [-1];
    this.frame = [NO_FRAME];
    this.title = ["all"]; // of nodes without a frame
    this.self = [0];
    this.cuts = new Map(); // cut frame's node -> {samples, wanted, got}
    this.#merge(inScope, split, weigh);
    this.#sum();
    this.#layout();
  }

  #add(parent, frame, title) {
    this.parent.push(parent);
    this.frame.push(frame);
    this.title.push(title);
    this.self.push(0);
    return this.parent.length - 1;
  }

  // Group by group, so that one column (place) maps the recording's nodes to ours.
  #merge(inScope, split, weigh) {
    const { stacks, nodes } = this.profile;
    const tops = this.#tops(split);
    const byTop = new Map();
    for (let s = 0; s < this.profile.nStacks; s++) {
      const t = stacks.thread[s];
      if (!inScope(t) || !weigh[s]) continue;
      const top = tops(t);
      if (!byTop.has(top)) byTop.set(top, []);
      byTop.get(top).push(s);
    }
    const place = new Int32Array(this.profile.nNodes),
      stamp = new Int32Array(this.profile.nNodes);
    let group = 0;
    for (const [top, members] of byTop) {
      group++;
      place[0] = top;
      stamp[0] = group;
      for (const s of members) {
        const leaf = this.#path(stacks.node[s], nodes, place, stamp, group);
        this.self[leaf] += weigh[s];
        if (stacks.bytes_wanted[s]) this.#cut(leaf, top, s);
      }
    }
  }

  // A function from a thread to the node that its stacks hang from.
  #tops(split) {
    const made = new Map(),
      byThread = new Map();
    const find = (t) => {
      let node = 0,
        path = "";
      for (const [key, label] of groupsOf(this.profile, split, t)) {
        path += `${key}\0`;
        if (!made.has(path)) made.set(path, this.#add(node, NO_FRAME, label));
        node = made.get(path);
      }
      return node;
    };
    return (t) => {
      if (!byThread.has(t)) byThread.set(t, find(t));
      return byThread.get(t);
    };
  }

  #path(node, nodes, place, stamp, group) {
    const missing = [];
    let n = node;
    for (; stamp[n] !== group; n = nodes.parent[n]) missing.push(n);
    let at = place[n];
    while (missing.length) {
      n = missing.pop();
      at = this.#add(at, nodes.frame[n], null);
      place[n] = at;
      stamp[n] = group;
    }
    return at;
  }

  // Bytes are told by the cut frame that stands at the root of the stack.
  #cut(node, top, s) {
    const { stacks, frames } = this.profile;
    for (let n = node; n !== top; n = this.parent[n]) {
      if (frames.kind[this.frame[n]] !== KIND_CUT) continue;
      const sum = this.cuts.get(n) ?? { samples: 0, wanted: 0, got: 0 };
      sum.samples += stacks.samples[s];
      sum.wanted += stacks.bytes_wanted[s];
      sum.got += stacks.bytes_got[s];
      this.cuts.set(n, sum);
    }
  }

  #sum() {
    this.total = Float64Array.from(this.self);
    for (let n = this.parent.length - 1; n > 0; n--) this.total[this.parent[n]] += this.total[n];
  }

  // Breadth first, so that a level is a run of nodes from left to right.
  #layout() {
    const size = this.parent.length;
    const child = new Int32Array(size).fill(-1),
      sibling = new Int32Array(size).fill(-1);
    for (let n = size - 1; n > 0; n--) {
      sibling[n] = child[this.parent[n]];
      child[this.parent[n]] = n;
    }
    const start = new Float64Array(size),
      order = new Int32Array(size);
    let end = 1;
    this.levels = [0];
    for (let i = 0, next = 1; i < size; i++) {
      if (i === next) {
        this.levels.push(i);
        next = end;
      }
      const children = [];
      for (let c = child[order[i]]; c >= 0; c = sibling[c]) children.push(c);
      if (children.length > 1) children.sort((x, y) => this.total[y] - this.total[x] || x - y);
      let at = start[order[i]];
      for (const c of children) {
        order[end++] = c;
        start[c] = at;
        at += this.total[c];
      }
    }
    this.levels.push(size);
    this.#renumber(order, start);
  }

  #renumber(order, start) {
    const to = new Int32Array(order.length);
    order.forEach((n, i) => {
      to[n] = i;
    });
    const pick = (column, type) => {
      const picked = new type(order.length);
      order.forEach((n, i) => {
        picked[i] = column[n];
      });
      return picked;
    };
    this.parent = pick(this.parent, Int32Array).map((p) => (p < 0 ? -1 : to[p]));
    this.frame = pick(this.frame, Int32Array);
    this.title = pick(this.title, Array);
    this.self = pick(this.self, Float64Array);
    this.total = pick(this.total, Float64Array);
    this.start = pick(start, Float64Array);
    this.cuts = new Map([...this.cuts].map(([n, sum]) => [to[n], sum]));
    this.size = order.length;
    this.all = this.total[0];
    this.depth = this.levels.length - 1;
    this.level = new Uint32Array(this.size);
    for (let l = 0; l < this.depth; l++) this.level.fill(l, this.levels[l], this.levels[l + 1]);
  }

  name(n) {
    return this.frame[n] < 0 ? this.title[n] : this.profile.name(this.frame[n]);
  }

  // The first node of a level whose end lies beyond x; the level's end where there is none.
  firstBeyond(level, x, from = this.levels[level]) {
    let low = from,
      high = this.levels[level + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[middle] + this.total[middle] > x) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  // The node of a level that covers x, or -1.
  at(level, x) {
    if (level < 0 || level >= this.depth) return -1;
    const n = this.firstBeyond(level, x);
    return n < this.levels[level + 1] && this.start[n] <= x ? n : -1;
  }

  firstChild(n) {
    const c =
      this.level[n] + 1 < this.depth
        ? this.firstBeyond(this.level[n] + 1, this.start[n])
        : this.size;
    return c < this.size && this.parent[c] === n ? c : -1;
  }

  // Nodes whose function matches; weight of the stacks that have one, each counted once.
  search(matches) {
    const { nFrames } = this.profile;
    const frameHit = new Uint8Array(nFrames);
    for (let f = 0; f < nFrames; f++) frameHit[f] = matches(this.profile.name(f)) ? 1 : 0;
    const nodeHit = new Uint8Array(this.size),
      below = new Uint8Array(this.size);
    const functions = new Set();
    let weight = 0,
      count = 0;
    for (let n = 0; n < this.size; n++) {
      const f = this.frame[n],
        p = this.parent[n];
      const covered = p >= 0 && below[p];
      nodeHit[n] = f < 0 ? 0 : frameHit[f];
      if (nodeHit[n]) {
        functions.add(f);
        count++;
        if (!covered) weight += this.total[n];
      }
      below[n] = covered || nodeHit[n];
    }
    return { nodeHit, weight, count, functions };
  }

  // Self and total of each function: a stack in which it occurs twice (recursion) counts once.
  functions() {
    const { nFrames } = this.profile;
    const self = new Float64Array(nFrames),
      total = new Float64Array(nFrames);
    const onPath = new Uint32Array(nFrames);
    const path = [];
    const visit = (n) => {
      for (; path.length && path[path.length - 1] !== this.parent[n];) leave(path.pop());
      path.push(n);
      const f = this.frame[n];
      if (f < 0) return;
      self[f] += this.self[n];
      if (onPath[f]++ === 0) total[f] += this.total[n];
    };
    const leave = (n) => {
      if (this.frame[n] >= 0) onPath[this.frame[n]]--;
    };
    const pending = [0];
    while (pending.length) {
      const n = pending.pop();
      visit(n);
      for (let c = this.firstChild(n); c >= 0 && c < this.size && this.parent[c] === n; c++)
        pending.push(c);
    }
    return { self, total };
  }

  // Labels from the process down, and the weight, of each stack: what the folded output holds.
  stacks() {
    const lines = [];
    for (let n = 1; n < this.size; n++) {
      if (!this.self[n]) continue;
      const labels = [];
      for (let a = n; a > 0; a = this.parent[a])
        labels.push(this.frame[a] < 0 ? this.title[a] : this.profile.labels[this.frame[a]]);
      lines.push({ labels: labels.reverse(), weight: this.self[n] });
    }
    return lines;
  }
}
