// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The data of the page, as lib/export/page_json.c writes it, unpacked into columns.

export const Kind = { User: 0, Kernel: 1, Jit: 2, Vdso: 3, Cut: 4 } as const; // egret_frame_kind

// EGRET_FRAME_F_*
export const Flag = { Inlined: 1, Recovered: 2, FramePointer: 16, Unnamed: 32 } as const;

const UNWIND_ROOT = 0; // bpf/reasons.h
const UNWIND_NOT_USER = 10;

// LEB128 numbers, one after the other.
export class Reader {
  #at: number;

  constructor(
    readonly bytes: Uint8Array,
    at = 0,
  ) {
    this.#at = at;
  }

  next(): number {
    const { bytes } = this;
    let byte = bytes[this.#at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let shift = 7;
    for (; shift < 28; shift += 7) {
      byte = bytes[this.#at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    for (let scale = 2 ** 28; ; scale *= 128) {
      if (this.#at >= bytes.length) throw new Error("its data ends too early");
      byte = bytes[this.#at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  u32(n: number): Uint32Array {
    const column = new Uint32Array(n);
    for (let i = 0; i < n; i++) column[i] = this.next();
    return column;
  }

  // Zigzag: small numbers of either sign.
  signed(): number {
    const n = this.next();
    return n % 2 ? -(n + 1) / 2 : n / 2;
  }

  // By the difference from the one before.
  deltas(n: number): Int32Array {
    const column = new Int32Array(n);
    for (let i = 0, last = 0; i < n; i++) column[i] = last += this.signed();
    return column;
  }

  // By the difference from the largest one so far.
  fromLargest(n: number): Uint32Array {
    const column = new Uint32Array(n);
    for (let i = 0, largest = 0; i < n; i++) {
      column[i] = largest + this.signed();
      largest = Math.max(largest, column[i]!);
    }
    return column;
  }

  f64(n: number): Float64Array {
    const column = new Float64Array(n);
    for (let i = 0; i < n; i++) column[i] = this.next();
    return column;
  }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = Uint8Array as unknown as { fromBase64?: (t: string) => Uint8Array<ArrayBuffer> };
  if (native.fromBase64) return native.fromBase64(text);
  const binary = atob(text);
  const packed = new Uint8Array(binary.length);
  for (let i = 0; i < packed.length; i++) packed[i] = binary.charCodeAt(i);
  return packed;
}

export async function inflate(base64: string): Promise<Uint8Array> {
  const stream = new Blob([fromBase64(base64)])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export interface Meta {
  command?: string;
  hostname?: string;
  kernel?: string;
  backend?: string;
  unwinder?: string;
  version?: string;
  "start-time"?: string;
  duration?: string;
}

interface Event {
  name?: string;
  unit?: string;
  frequency?: number;
  period?: number;
}

export type Labels = ReadonlyMap<string, string>;

type Ending = [name: string, text: string, fix: string];
export type Stat = [name: string, text: string, value: string];

interface Document {
  title?: string;
  truncated: number;
  by_thread: number;
  by_label?: string;
  meta: Meta;
  event: Event;
  base?: { meta: Meta; event: Event };
  capture_ends: Ending[];
  unwind_ends: Ending[];
  stats: Stat[];
  counts: { frames: number; nodes: number; threads: number; stacks: number };
  strings: string[];
}

export interface EndingText {
  what: "Capture" | "Unwinding";
  name: string;
  text: string;
  fix: string;
}

export interface Completeness {
  complete: number;
  cut: number;
  none: number;
}

// A recording:
//   frames[f]   functions: name, module, file, kind, flags, ends (of a cut), lines,
//               how (flags: by what its callers were found where there was no CFI)
//   nodes[n]    stacks as a tree, parents first; node 0 is the root
//   threads[t]  process, comm, labels (a JSON object) of the process, pid, tid
//   stacks[s]   what was counted: its leaf node, thread, ends, samples, value, bytes; and the
//               samples and value in the recording that this one is compared with
// Strings are numbers into strings[]. ends is capture ending << 8 | unwind ending.
export class Profile {
  readonly doc: Document;
  readonly strings: string[];
  readonly nFrames: number;
  readonly nNodes: number;
  readonly nThreads: number;
  readonly nStacks: number;
  readonly frames;
  readonly nodes;
  readonly threads;
  readonly stacks;
  readonly #labels = new Map<number, Labels>(); // by string

  constructor(data: Uint8Array) {
    const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
    this.doc = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length))) as Document;
    this.strings = this.doc.strings;
    const { frames, nodes, threads, stacks } = this.doc.counts;
    [this.nFrames, this.nNodes, this.nThreads, this.nStacks] = [frames, nodes, threads, stacks];
    const r = new Reader(data, 4 + length);
    this.frames = {
      name: new Uint32Array(r.deltas(frames).buffer),
      module: r.u32(frames),
      file: r.u32(frames),
      kind: r.u32(frames),
      flags: r.u32(frames),
      ends: r.u32(frames),
      lineMin: r.u32(frames),
      lineMax: r.u32(frames),
      how: r.u32(frames),
    };
    const parent = r.u32(nodes); // stored as the distance to the parent
    for (let n = 0; n < nodes; n++) parent[n] = n - parent[n]!;
    this.nodes = { parent, frame: new Uint32Array(r.deltas(nodes).buffer) };
    this.threads = {
      process: r.u32(threads),
      comm: r.u32(threads),
      labels: r.u32(threads),
      pid: r.deltas(threads),
      tid: r.deltas(threads),
    };
    this.stacks = {
      node: r.fromLargest(stacks),
      thread: r.u32(stacks),
      ends: r.u32(stacks),
      samples: r.f64(stacks),
      value: r.f64(stacks),
      wanted: r.f64(stacks),
      got: r.f64(stacks),
      baseSamples: r.f64(stacks),
      baseValue: r.f64(stacks),
    };
  }

  get isComparison(): boolean {
    return Boolean(this.doc.base);
  }

  get samples(): number {
    return this.stacks.samples.reduce((a, b) => a + b, 0);
  }

  // What a frame is called in folded stacks: FlameGraph's suffixes for kernel, JIT and inlined code.
  label(f: number): string {
    const name = this.name(f);
    if (this.frames.kind[f] === Kind.Kernel) return `${name}_[k]`;
    if (this.frames.kind[f] === Kind.Jit) return `${name}_[j]`;
    return this.frames.flags[f]! & Flag.Inlined ? `${name}_[i]` : name;
  }

  name(f: number): string {
    return this.strings[this.frames.name[f]!]!;
  }

  module(f: number): string {
    return this.strings[this.frames.module[f]!]!;
  }

  // "file.c:12", "file.c:12–40" where samples hit several lines, or "".
  source(f: number): string {
    const file = this.strings[this.frames.file[f]!]!;
    const from = this.frames.lineMin[f];
    const to = this.frames.lineMax[f];
    if (!file || !from) return file;
    return from === to ? `${file}:${from}` : `${file}:${from}–${to}`;
  }

  // By what the callers of a function were found where there is no CFI, or "".
  how(f: number): string {
    const how = this.frames.how[f]!;
    return [
      how & Flag.FramePointer ? "its frame pointer" : "",
      how & Flag.Recovered ? "looking at its code" : "",
    ]
      .filter(Boolean)
      .join(", ");
  }

  process(t: number): string {
    return this.strings[this.threads.process[t]!] || "[unknown]";
  }

  comm(t: number): string {
    return this.strings[this.threads.comm[t]!] || "[unknown]";
  }

  // Of the thread's process: container.id, service.name, ...
  labels(t: number): Labels {
    const number = this.threads.labels[t]!;
    const known = this.#labels.get(number);
    if (known) return known;
    const object = JSON.parse(this.strings[number] || "{}") as Record<string, string>;
    const labels = new Map(Object.entries(object));
    this.#labels.set(number, labels);
    return labels;
  }

  // Keys of labels that tell something apart, in order, and the one that was asked for.
  get labelKeys(): string[] {
    const values = new Map<string, Set<string | undefined>>();
    const all = new Set(Array.from({ length: this.nThreads }, (_, t) => this.labels(t)));
    for (const labels of all) for (const key of labels.keys()) values.set(key, new Set());
    for (const [key, seen] of values) for (const labels of all) seen.add(labels.get(key));
    return [...values.keys()]
      .filter((key) => values.get(key)!.size > 1 || key === this.doc.by_label)
      .sort();
  }

  // The endings of a cut, of the capture and of the unwinder; good ends left out.
  endings(ends: number): EndingText[] {
    const ending = (what: EndingText["what"], table: Ending[], number: number): EndingText[] => {
      const [name, text, fix] = table[number] ?? [
        `ending ${number}`,
        "not known to this egret",
        "",
      ];
      return number ? [{ what, name, text, fix }] : [];
    };
    return [
      ...ending("Capture", this.doc.capture_ends, ends >> 8),
      ...ending("Unwinding", this.doc.unwind_ends, ends & 255),
    ];
  }

  static isCut(ends: number): boolean {
    return (ends & 255) !== UNWIND_ROOT && (ends & 255) !== UNWIND_NOT_USER;
  }

  // Samples by how their user stack ended.
  completeness(): Completeness {
    const sum = { complete: 0, cut: 0, none: 0 };
    for (let s = 0; s < this.nStacks; s++) {
      const end = this.stacks.ends[s]! & 255;
      const part = end === UNWIND_ROOT ? "complete" : end === UNWIND_NOT_USER ? "none" : "cut";
      sum[part] += this.stacks.samples[s]!;
    }
    return sum;
  }
}
