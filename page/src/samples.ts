// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// When each sample was: what lib/export/page_samples.c writes.

import { type Profile, Reader } from "./data.ts";

export interface Window {
  from: number; // microseconds from the first sample
  to: number; // not in it
}

export class Samples {
  readonly n: number;
  readonly first: Uint32Array; // by thread: its first sample; one more at the end
  readonly time: Float64Array; // microseconds; of a thread in their order
  readonly stack: Uint32Array;
  readonly value: Float64Array | null; // null: all the same
  readonly equalValue: number;
  readonly end: number; // of the last sample

  constructor(profile: Profile, data: Uint8Array) {
    const reader = new Reader(data);
    const equal = reader.next();
    this.equalValue = equal ? reader.next() : 0;
    this.n = profile.samples;
    this.time = new Float64Array(this.n);
    this.stack = new Uint32Array(this.n);
    this.value = equal ? null : new Float64Array(this.n);
    this.first = new Uint32Array(profile.nThreads + 1);
    const stacksOf = stacksByThread(profile);
    let at = 0;
    let end = 0;
    for (let t = 0; t < profile.nThreads; t++) {
      const n = reader.next();
      this.first[t + 1] = at + n;
      for (let i = at, time = 0; i < at + n; i++) this.time[i] = time += reader.next();
      for (let i = at; i < at + n; i++)
        this.stack[i] = stacksOf.stacks[stacksOf.first[t]! + reader.next()]!;
      if (this.value) for (let i = at; i < at + n; i++) this.value[i] = reader.next();
      at += n;
      if (n) end = Math.max(end, this.time[at - 1]!);
    }
    this.end = end;
  }

  // The first sample of a thread that is not before a time.
  at(thread: number, time: number): number {
    let low = this.first[thread]!;
    let high = this.first[thread + 1]!;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time[middle]! >= time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  // Of each stack, what is in a window: samples and value.
  within({ from, to }: Window, nStacks: number): { samples: Float64Array; value: Float64Array } {
    const samples = new Float64Array(nStacks);
    const value = new Float64Array(nStacks);
    for (let t = 0; t + 1 < this.first.length; t++) {
      const end = this.at(t, to);
      for (let i = this.at(t, from); i < end; i++) {
        samples[this.stack[i]!]!++;
        value[this.stack[i]!]! += this.value ? this.value[i]! : this.equalValue;
      }
    }
    return { samples, value };
  }

  // The time between two samples of a thread that ran all the time: the most frequent of a few
  // sizes of distance, or 0 where a thread has no two samples.
  interval(): number {
    const sums = new Map<number, { n: number; sum: number }>();
    for (let t = 0; t + 1 < this.first.length; t++)
      for (
        let i = this.first[t]! + 1;
        i < Math.min(this.first[t + 1]!, this.first[t]! + 2000);
        i++
      ) {
        const distance = this.time[i]! - this.time[i - 1]!;
        const size = Math.round(8 * Math.log2(distance + 1));
        const sum = sums.get(size) ?? { n: 0, sum: 0 };
        sums.set(size, { n: sum.n + 1, sum: sum.sum + distance });
      }
    const best = [...sums.values()].sort((a, b) => b.n - a.n)[0];
    return best ? best.sum / best.n : 0;
  }
}

function stacksByThread(profile: Profile): { first: Uint32Array; stacks: Uint32Array } {
  const first = new Uint32Array(profile.nThreads + 1);
  for (let s = 0; s < profile.nStacks; s++) first[profile.stacks.thread[s]! + 1]!++;
  for (let t = 0; t < profile.nThreads; t++) first[t + 1]! += first[t]!;
  const next = first.slice();
  const stacks = new Uint32Array(profile.nStacks);
  for (let s = 0; s < profile.nStacks; s++) stacks[next[profile.stacks.thread[s]!]!++] = s;
  return { first, stacks };
}
