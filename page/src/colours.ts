// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Colours by kind of code; of a comparison, by what has grown. Within a kind the lightness tells
// neighbours apart.

import { STEPS } from "./compare.ts";
import { Flag, Kind, type Profile } from "./data.ts";

// hue, chroma and label of each kind; the order is that of the legend.
export const KINDS = {
  kernel: { hue: 255, chroma: 0.085, label: "kernel" },
  native: { hue: 80, chroma: 0.105, label: "C" },
  cpp: { hue: 45, chroma: 0.11, label: "C++" },
  rust: { hue: 18, chroma: 0.1, label: "Rust" },
  go: { hue: 205, chroma: 0.08, label: "Go" },
  inlined: { hue: 108, chroma: 0.1, label: "inlined" },
  jit: { hue: 150, chroma: 0.1, label: "JIT" },
  vdso: { hue: 300, chroma: 0.09, label: "vdso" },
  unnamed: { hue: 90, chroma: 0.008, label: "no symbol" },
  cut: { hue: 20, chroma: 0.16, label: "cut stack" },
  group: { hue: 250, chroma: 0.012, label: "process, thread" },
} as const;

export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as KindName[];
const SHADES = 5;

const GO_NAME = /^[\w./-]*\/[\w.-]+\.[\w(]|^(runtime|main|sync|syscall|reflect|internal)\.[\w(]/;

// The kind of a function, by what is known of it and by how its demangled name looks.
function kindOf(profile: Profile, f: number): KindName {
  const flags = profile.frames.flags[f]!;
  switch (profile.frames.kind[f]) {
    case Kind.Cut:
      return "cut";
    case Kind.Kernel:
      return "kernel";
    case Kind.Jit:
      return "jit";
    case Kind.Vdso:
      return "vdso";
  }
  if (flags & Flag.Unnamed) return "unnamed";
  if (flags & Flag.Inlined) return "inlined";
  const name = profile.name(f).slice(0, 4096);
  if (GO_NAME.test(name)) return "go";
  if (name.includes("(")) return "cpp"; // demangled with its parameters
  return name.includes("::") ? "rust" : "native";
}

function shadeOf(text: string): number {
  let hash = 2166136261;
  for (let i = 0; i < Math.min(text.length, 64); i++)
    hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  return ((hash >>> 8) ^ (hash >>> 20)) % SHADES;
}

// The kind and the shade of each function.
export class Classes {
  readonly kind: KindName[];
  readonly kindNumber: Uint8Array; // into KIND_NAMES
  readonly shade: Uint8Array;

  constructor(profile: Profile) {
    this.kind = Array.from({ length: profile.nFrames }, (_, f) => kindOf(profile, f));
    this.kindNumber = Uint8Array.from(this.kind, (kind) => KIND_NAMES.indexOf(kind));
    this.shade = Uint8Array.from(this.kind, (_, f) => shadeOf(profile.name(f)));
  }
}

type Fills = Record<KindName, string[]>;

// towards: 0 is the colour itself, 1 the background.
function fill(kind: KindName, shade: number, dark: boolean, towards = 0): string {
  const { hue, chroma } = KINDS[kind];
  const lightness = dark ? 0.45 + 0.02 * shade : 0.815 + 0.02 * shade;
  const mixed = lightness + ((dark ? 0.21 : 1) - lightness) * towards;
  return `oklch(${mixed.toFixed(3)} ${(chroma * (dark ? 0.9 : 1) * (1 - towards)).toFixed(4)} ${hue})`;
}

function fillsOf(dark: boolean, towards: number): Fills {
  const shades = (kind: KindName) =>
    Array.from({ length: SHADES }, (_, shade) => fill(kind, shade, dark, towards));
  return Object.fromEntries(KIND_NAMES.map((kind) => [kind, shades(kind)])) as Fills;
}

// [0] is what has shrunk most, [STEPS] what has not changed, [2 * STEPS] what has grown most.
function changeFills(dark: boolean, towards: number): string[] {
  return Array.from({ length: 2 * STEPS + 1 }, (_, i) => {
    const strength = Math.abs(i - STEPS) / STEPS;
    const from = dark ? 0.34 : 0.925;
    const to = dark ? 0.55 : 0.7;
    const lightness = from + (to - from) * strength;
    const mixed = lightness + ((dark ? 0.21 : 1) - lightness) * towards;
    const chroma = strength ? (0.03 + 0.13 * strength) * (1 - towards) : 0.004;
    return `oklch(${mixed.toFixed(3)} ${chroma.toFixed(4)} ${i < STEPS ? 250 : 28})`;
  });
}

// What is drawn with, for one theme.
export interface Palette {
  dark: boolean;
  fills: Fills;
  callers: Fills; // of what is zoomed to
  changes: string[];
  changesOfCallers: string[];
  hit: string;
  faded: string[];
  background: string;
  text: string;
  soft: string;
  line: string;
  focus: string;
  hatch: { color: string; background: string };
  hatchFaded: { color: string; background: string };
}

export function palette(dark: boolean): Palette {
  return {
    dark,
    fills: fillsOf(dark, 0),
    callers: fillsOf(dark, 0.5),
    changes: changeFills(dark, 0),
    changesOfCallers: changeFills(dark, 0.5),
    hit: dark ? "oklch(0.5 0.2 325)" : "oklch(0.8 0.15 325)",
    faded: dark ? ["#26292f", "#282b32", "#2a2e35"] : ["#eceef1", "#e9ebef", "#e6e9ed"],
    background: dark ? "#16181d" : "#ffffff",
    text: dark ? "#f2f4f7" : "#15181d",
    soft: dark ? "#9ba4b1" : "#59616d",
    line: dark ? "#2c313a" : "#dde1e6",
    focus: dark ? "#ffffff" : "#111418",
    hatch: dark
      ? { color: "oklch(0.62 0.19 22)", background: "oklch(0.3 0.07 20)" }
      : { color: "oklch(0.8 0.13 22)", background: "oklch(0.95 0.03 20)" },
    hatchFaded: dark
      ? { color: "#343a44", background: "#22262c" }
      : { color: "#d9dde3", background: "#f1f3f5" },
  };
}

// The background of a swatch in a list.
export function swatch(kind: KindName, colours: Palette): string {
  return kind === "cut"
    ? `repeating-linear-gradient(135deg, ${colours.hatch.color} 0 2px, ${colours.hatch.background} 2px 5px)`
    : colours.fills[kind][2]!;
}
