// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Colours by kind of code. Within a kind the lightness tells neighbours apart.

// hue, chroma and label of each kind; the order is that of the legend.
const KINDS = {
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
};
const SHADES = 5;

const GO_NAME = /^[\w./-]*\/[\w.-]+\.[\w(]|^(runtime|main|sync|syscall|reflect|internal)\.[\w(]/;

// The kind of a function, by what is known of it and by how its demangled name looks.
function kindOf(profile, f) {
  const flags = profile.frames.flags[f];
  switch (profile.frames.kind[f]) {
    case KIND_CUT:
      return "cut";
    case KIND_KERNEL:
      return "kernel";
    case KIND_JIT:
      return "jit";
    case KIND_VDSO:
      return "vdso";
  }
  if (flags & FLAG_UNNAMED) return "unnamed";
  if (flags & FLAG_INLINED) return "inlined";
  const name = profile.name(f).slice(0, 4096);
  if (GO_NAME.test(name)) return "go";
  if (name.includes("(")) return "cpp"; // demangled with its parameters
  return name.includes("::") ? "rust" : "native";
}

// Gives a profile the kind and the shade of each of its functions.
function classify(profile) {
  profile.kinds = profile.labels.map((s, f) => kindOf(profile, f));
  profile.shades = profile.labels.map((s, f) => shadeOf(profile.name(f)));
}

function shadeOf(text) {
  let hash = 2166136261;
  for (let i = 0; i < Math.min(text.length, 64); i++)
    hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  return ((hash >>> 8) ^ (hash >>> 20)) % SHADES;
}

// towards: 0 is the colour itself, 1 the background.
function fill(kind, shade, dark, towards = 0) {
  const { hue, chroma } = KINDS[kind];
  const lightness = dark ? 0.45 + 0.02 * shade : 0.815 + 0.02 * shade;
  const mixed = lightness + ((dark ? 0.21 : 1) - lightness) * towards;
  return `oklch(${mixed.toFixed(3)} ${(chroma * (dark ? 0.9 : 1) * (1 - towards)).toFixed(4)} ${hue})`;
}

function fillsOf(dark, towards) {
  const shades = (kind) =>
    Array.from({ length: SHADES }, (_, shade) => fill(kind, shade, dark, towards));
  return Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, shades(kind)]));
}

// What the chart draws with, for one theme.
function palette(dark) {
  return {
    fills: fillsOf(dark, 0),
    callers: fillsOf(dark, 0.5), // of what is zoomed to
    hit: dark ? "oklch(0.5 0.2 325)" : "oklch(0.8 0.15 325)",
    faded: dark ? ["#26292f", "#282b32", "#2a2e35"] : ["#eceef1", "#e9ebef", "#e6e9ed"],
    background: dark ? "#16181d" : "#ffffff",
    text: dark ? "#f2f4f7" : "#15181d",
    focus: dark ? "#ffffff" : "#111418",
    hatch: dark
      ? { color: "oklch(0.62 0.19 22)", background: "oklch(0.3 0.07 20)" }
      : { color: "oklch(0.8 0.13 22)", background: "oklch(0.95 0.03 20)" },
    hatchFaded: dark
      ? { color: "#343a44", background: "#22262c" }
      : { color: "#d9dde3", background: "#f1f3f5" },
  };
}
