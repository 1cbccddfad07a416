// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The data of the page, as lib/export/page_json.c writes it, unpacked into columns.

const KIND_USER = 0,
  KIND_KERNEL = 1,
  KIND_JIT = 2,
  KIND_VDSO = 3,
  KIND_CUT = 4; // egret_frame_kind
const FLAG_INLINED = 1,
  FLAG_RECOVERED = 2,
  FLAG_FRAME_POINTER = 16,
  FLAG_UNNAMED = 32; // EGRET_FRAME_F_*
const UNWIND_ROOT = 0,
  UNWIND_NOT_USER = 10; // bpf/reasons.h

async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// A recording:
//   frames[f]   functions: name, module, file, kind, flags, ends (of a cut), line_min, line_max,
//               how (flags: by what its callers were found where there was no CFI)
//   nodes[n]    stacks as a tree, parents first; node 0 is the root; frame of a node
//   threads[t]  process, comm, pid, tid
//   stacks[s]   what was counted: node (its leaf), thread, ends, samples, value, bytes_wanted, bytes_got
// Strings are numbers into strings[]. ends is capture ending << 8 | unwind ending.
class Profile {
  constructor(json) {
    Object.assign(this, json);
    this.nFrames = json.frames.name.length;
    this.nNodes = json.nodes.frame.length;
    this.nThreads = json.threads.pid.length;
    this.nStacks = json.stacks.node.length;
    const parent = new Uint32Array(this.nNodes); // stored as the distance to the parent
    for (let n = 0; n < this.nNodes; n++) parent[n] = n - json.nodes.parent[n];
    this.nodes = { parent, frame: Uint32Array.from(json.nodes.frame) };
    this.labels = this.frames.name.map((s, f) => this.#label(f));
  }

  // What a frame is called in folded stacks: FlameGraph's suffixes for kernel, JIT and inlined code.
  #label(f) {
    const name = this.strings[this.frames.name[f]];
    if (this.frames.kind[f] === KIND_KERNEL) return name + "_[k]";
    if (this.frames.kind[f] === KIND_JIT) return name + "_[j]";
    return this.frames.flags[f] & FLAG_INLINED ? name + "_[i]" : name;
  }

  name(f) {
    return this.strings[this.frames.name[f]];
  }

  module(f) {
    return this.strings[this.frames.module[f]];
  }

  // "file.c:12", "file.c:12–40" where samples hit several lines, or "".
  source(f) {
    const file = this.strings[this.frames.file[f]];
    const from = this.frames.line_min[f],
      to = this.frames.line_max[f];
    if (!file || !from) return file;
    return from === to ? `${file}:${from}` : `${file}:${from}–${to}`;
  }

  // By what the callers of a function were found where there is no CFI, or "".
  how(f) {
    const how = this.frames.how[f];
    return [
      how & FLAG_FRAME_POINTER ? "its frame pointer" : "",
      how & FLAG_RECOVERED ? "looking at its code" : "",
    ]
      .filter(Boolean)
      .join(", ");
  }

  process(t) {
    return this.strings[this.threads.process[t]] || "[unknown]";
  }

  comm(t) {
    return this.strings[this.threads.comm[t]] || "[unknown]";
  }

  // The endings of a cut: {what, name, text, fix} of the capture and of the unwinder; good ends left out.
  endings(ends) {
    const ending = (what, table, number) => {
      const [name, text, fix] = table[number] ?? [
        `ending ${number}`,
        "not known to this egret",
        "",
      ];
      return number ? [{ what, name, text, fix }] : [];
    };
    return [
      ...ending("Capture", this.capture_ends, ends >> 8),
      ...ending("Unwinding", this.unwind_ends, ends & 255),
    ];
  }

  // Samples by how their user stack ended.
  completeness() {
    const sum = { complete: 0, cut: 0, none: 0 };
    for (let s = 0; s < this.nStacks; s++) {
      const end = this.stacks.ends[s] & 255;
      sum[end === UNWIND_ROOT ? "complete" : end === UNWIND_NOT_USER ? "none" : "cut"] +=
        this.stacks.samples[s];
    }
    return sum;
  }
}
