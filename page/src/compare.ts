// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// How sure a difference of two shares is: as cmd/comparison.c judges it, which says why so.

export interface Judgement {
  before: number; // shares
  after: number;
  delta: number;
  noise: number; // half the width of the interval that holds the delta with 95 %
  confidence: number; // 0 to 1
}

// Abramowitz and Stegun 7.1.26: wrong by 1.5e-7 at most.
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return 1 - poly * Math.exp(-x * x);
}

// Shares of n samples before, and of m after.
export function judge(before: number, n: number, after: number, m: number): Judgement {
  const p = (before * n + 1) / (n + 2);
  const q = (after * m + 1) / (m + 2);
  const deviation = Math.sqrt((p * (1 - p)) / (n + 2) + (q * (1 - q)) / (m + 2));
  return {
    before,
    after,
    delta: after - before,
    noise: 1.959964 * deviation,
    confidence: erf(Math.abs(q - p) / deviation / Math.SQRT2),
  };
}

export const STEPS = 6; // of a colour, to either side

// -STEPS to STEPS: by how much a share has grown, in half doublings; 0 where that may be chance.
export function step({ before, after, confidence }: Judgement, n: number, m: number): number {
  if (confidence < 0.95) return 0;
  const ratio = Math.log2((after + 1 / (m + 1)) / (before + 1 / (n + 1)));
  const strength = Math.min(STEPS, Math.max(1, Math.round(2 * Math.abs(ratio))));
  return ratio < 0 ? -strength : strength;
}
