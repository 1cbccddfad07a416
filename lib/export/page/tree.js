// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The tree that is drawn: the stacks of one process, one thread or all, merged, widest first.

const NO_FRAME = -1;

// The groups above the stacks, outermost first, as [key, label].
function groupsOf(profile, split, t) {
  if (split === "none")
    return [];
  const process = profile.process(t);
  if (split === "process")
    return [[process, process]];
  const tid = profile.threads.tid[t];
  return [[process, process], [`${tid} ${profile.comm(t)}`, `${profile.comm(t)} (${tid})`]];
}

// Nodes in columns, parents before children, node 0 the root of all. After layout() they are in order of
// level, then of x: levels[l] is the first node of level l.
class Tree {
  // inScope(thread) tells which threads count; weigh is a column of profile.stacks.
  constructor(profile, { inScope = () => true, split = "process", weigh = profile.stacks.samples } = {}) {
    this.profile = profile;
    this.parent = [-1];
    this.frame = [NO_FRAME];
    this.title = ["all"]; // of nodes without a frame
    this.self = [0];
    this.wanted = new Map(); // cut frame's node -> bytes
    this.got = new Map();
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
      if (!inScope(t) || !weigh[s])
        continue;
      const top = tops(t);
      if (!byTop.has(top))
        byTop.set(top, []);
      byTop.get(top).push(s);
    }
    const place = new Int32Array(this.profile.nNodes), stamp = new Int32Array(this.profile.nNodes);
    let group = 0;
    for (const [top, members] of byTop) {
      group++;
      place[0] = top;
      stamp[0] = group;
      for (const s of members) {
        const leaf = this.#path(stacks.node[s], nodes, place, stamp, group);
        this.self[leaf] += weigh[s];
        if (stacks.bytes_wanted[s])
          this.#cut(leaf, top, stacks.bytes_wanted[s], stacks.bytes_got[s]);
      }
    }
  }

  // A function from a thread to the node that its stacks hang from.
  #tops(split) {
    const made = new Map(), byThread = new Map();
    const find = (t) => {
      let node = 0, path = "";
      for (const [key, label] of groupsOf(this.profile, split, t)) {
        path += `${key}\0`;
        if (!made.has(path))
          made.set(path, this.#add(node, NO_FRAME, label));
        node = made.get(path);
      }
      return node;
    };
    return (t) => {
      if (!byThread.has(t))
        byThread.set(t, find(t));
      return byThread.get(t);
    };
  }

  #path(node, nodes, place, stamp, group) {
    const missing = [];
    let n = node;
    for (; stamp[n] !== group; n = nodes.parent[n])
      missing.push(n);
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
  #cut(node, top, wanted, got) {
    for (let n = node; n !== top; n = this.parent[n]) {
      if (this.profile.frames.kind[this.frame[n]] !== KIND_CUT)
        continue;
      this.wanted.set(n, (this.wanted.get(n) ?? 0) + wanted);
      this.got.set(n, (this.got.get(n) ?? 0) + got);
    }
  }

  #sum() {
    this.total = Float64Array.from(this.self);
    for (let n = this.parent.length - 1; n > 0; n--)
      this.total[this.parent[n]] += this.total[n];
  }

  #layout() {
    const size = this.parent.length;
    const level = new Uint32Array(size);
    for (let n = 1; n < size; n++)
      level[n] = level[this.parent[n]] + 1;
    const depth = level.reduce((a, b) => Math.max(a, b), 0) + 1;
    const byLevel = Array.from({ length: depth }, () => []);
    for (let n = 0; n < size; n++)
      byLevel[level[n]].push(n);
    const start = new Float64Array(size), next = new Float64Array(size), order = [];
    this.levels = [];
    for (const nodes of byLevel) { // parents have their place already
      nodes.sort((a, b) => start[this.parent[a]] - start[this.parent[b]] || this.parent[a] - this.parent[b] ||
        this.total[b] - this.total[a] || a - b);
      this.levels.push(order.length);
      for (const n of nodes) {
        const p = this.parent[n];
        start[n] = p < 0 ? 0 : next[p];
        next[n] = start[n];
        if (p >= 0)
          next[p] += this.total[n];
        order.push(n);
      }
    }
    this.levels.push(size);
    this.#renumber(order, start);
  }

  #renumber(order, start) {
    const to = new Int32Array(order.length);
    order.forEach((n, i) => { to[n] = i; });
    const pick = (column, type) => type.from(order, (n) => column[n]);
    const remap = (map) => new Map([...map].map(([n, bytes]) => [to[n], bytes]));
    this.parent = Int32Array.from(order, (n) => this.parent[n] < 0 ? -1 : to[this.parent[n]]);
    this.frame = pick(this.frame, Int32Array);
    this.title = pick(this.title, Array);
    this.self = pick(this.self, Float64Array);
    this.total = pick(this.total, Float64Array);
    this.start = pick(start, Float64Array);
    this.wanted = remap(this.wanted);
    this.got = remap(this.got);
    this.size = order.length;
    this.all = this.total[0];
    this.depth = this.levels.length - 1;
    this.level = new Uint32Array(this.size);
    for (let l = 0; l < this.depth; l++)
      this.level.fill(l, this.levels[l], this.levels[l + 1]);
  }

  name(n) {
    return this.frame[n] < 0 ? this.title[n] : this.profile.name(this.frame[n]);
  }

  // The first node of a level whose end lies beyond x; the level's end where there is none.
  firstBeyond(level, x, from = this.levels[level]) {
    let low = from, high = this.levels[level + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[middle] + this.total[middle] > x)
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

  // The node of a level that covers x, or -1.
  at(level, x) {
    if (level < 0 || level >= this.depth)
      return -1;
    const n = this.firstBeyond(level, x);
    return n < this.levels[level + 1] && this.start[n] <= x ? n : -1;
  }

  firstChild(n) {
    const c = this.level[n] + 1 < this.depth ? this.firstBeyond(this.level[n] + 1, this.start[n]) : this.size;
    return c < this.size && this.parent[c] === n ? c : -1;
  }

  // Nodes whose function matches; weight of the stacks that have one, each counted once.
  search(matches) {
    const { nFrames } = this.profile;
    const frameHit = new Uint8Array(nFrames);
    for (let f = 0; f < nFrames; f++)
      frameHit[f] = matches(this.profile.name(f)) ? 1 : 0;
    const nodeHit = new Uint8Array(this.size), below = new Uint8Array(this.size);
    const functions = new Set();
    let weight = 0, count = 0;
    for (let n = 0; n < this.size; n++) {
      const f = this.frame[n], p = this.parent[n];
      const covered = p >= 0 && below[p];
      nodeHit[n] = f < 0 ? 0 : frameHit[f];
      if (nodeHit[n]) {
        functions.add(f);
        count++;
        if (!covered)
          weight += this.total[n];
      }
      below[n] = covered || nodeHit[n];
    }
    return { nodeHit, weight, count, functions };
  }

  // Self and total of each function: a stack in which it occurs twice (recursion) counts once.
  functions() {
    const { nFrames } = this.profile;
    const self = new Float64Array(nFrames), total = new Float64Array(nFrames);
    const onPath = new Uint32Array(nFrames);
    const path = [];
    const visit = (n) => {
      for (; path.length && path[path.length - 1] !== this.parent[n];)
        leave(path.pop());
      path.push(n);
      const f = this.frame[n];
      if (f < 0)
        return;
      self[f] += this.self[n];
      if (onPath[f]++ === 0)
        total[f] += this.total[n];
    };
    const leave = (n) => {
      if (this.frame[n] >= 0)
        onPath[this.frame[n]]--;
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
      if (!this.self[n])
        continue;
      const labels = [];
      for (let a = n; a > 0; a = this.parent[a])
        labels.push(this.frame[a] < 0 ? this.title[a] : this.profile.labels[this.frame[a]]);
      lines.push({ labels: labels.reverse(), weight: this.self[n] });
    }
    return lines;
  }
}
