// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Numbers and names as people read them.

const LONGEST_TEXT = 600; // characters of a name that are shown

export function clip(text: string, longest = LONGEST_TEXT): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

const NUMBER = new Intl.NumberFormat("en");

export function count(number: number | bigint): string {
  return NUMBER.format(number);
}

// 100 % means all, and 0 % nothing: no rounding gets there.
export function percent(part: number, whole: number): string {
  if (!part) return "0 %";
  if (part === whole) return "100 %";
  const share = (100 * part) / whole;
  return share < 0.005 ? "< 0.01 %" : `${Math.min(share, 99.99).toFixed(2)} %`;
}

export function signed(share: number): string {
  const text = Math.abs(100 * share).toFixed(2);
  return `${text === "0.00" ? "±" : share < 0 ? "−" : "+"}${text} %`;
}

export function bytes(number: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let u = 0;
  let value = number;
  for (; value >= 1024 && u + 1 < units.length; u++) value /= 1024;
  return u ? `${value.toFixed(1)} ${units[u]}` : `${count(number)} B`;
}

export function duration(seconds: number): string {
  if (seconds < 1e-3) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.1) return `${(seconds * 1e3).toFixed(seconds < 0.01 ? 2 : 1)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

// Microseconds from the first sample, as seconds.
export function moment(us: number, digits = 3): string {
  return `${(us / 1e6).toFixed(digits)} s`;
}

export function amount(number: number, unit: string): string {
  if (unit === "samples") return `${count(number)} ${number === 1 ? "sample" : "samples"}`;
  return unit === "nanoseconds" ? duration(number / 1e9) : `${count(number)} ${unit}`;
}

export function fileName(path: string): string {
  return path.replace(/^.*\/(?=.)/, "");
}

// An expression that finds exactly this text, or what begins with it where it is very long.
export function exactly(text: string): string {
  const quoted = text.slice(0, 300).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return `^${quoted}${text.length > 300 ? "" : "$"}`;
}

// Lower case finds both cases; what is no regular expression is taken as it is.
export function matcher(text: string): (name: string) => boolean {
  const flags = text === text.toLowerCase() ? "i" : "";
  let expression: RegExp;
  try {
    expression = new RegExp(text, flags);
  } catch {
    expression = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), flags);
  }
  return (name) => expression.test(name.length > 65536 ? name.slice(0, 65536) : name);
}
