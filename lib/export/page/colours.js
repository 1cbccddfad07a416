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
  if (f < 0)
    return "group";
  const flags = profile.frames.flags[f];
  switch (profile.frames.kind[f]) {
  case KIND_CUT: return "cut";
  case KIND_KERNEL: return "kernel";
  case KIND_JIT: return "jit";
  case KIND_VDSO: return "vdso";
  }
  if (flags & FLAG_UNNAMED)
    return "unnamed";
  if (flags & FLAG_INLINED)
    return "inlined";
  const name = profile.name(f).slice(0, 4096);
  if (GO_NAME.test(name))
    return "go";
  if (name.includes("("))
    return "cpp"; // demangled with its parameters
  return name.includes("::") ? "rust" : "native";
}

function shadeOf(text) {
  let hash = 2166136261;
  for (let i = 0; i < Math.min(text.length, 64); i++)
    hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  return ((hash >>> 8) ^ hash >>> 20) % SHADES;
}

function fill(kind, shade, dark, lighter = 0) {
  const { hue, chroma } = KINDS[kind];
  const lightness = dark ? 0.43 + 0.022 * shade + lighter : 0.815 + 0.02 * shade + lighter;
  return `oklch(${lightness.toFixed(3)} ${(dark ? chroma * 0.85 : chroma).toFixed(3)} ${hue})`;
}

// What the chart draws with, for one theme.
function palette(dark) {
  const fills = {};
  for (const kind of Object.keys(KINDS))
    fills[kind] = Array.from({ length: SHADES }, (_, shade) => fill(kind, shade, dark));
  return {
    dark,
    fills,
    hit: dark ? "oklch(0.5 0.2 325)" : "oklch(0.8 0.15 325)",
    faded: dark ? ["#26292f", "#282b32", "#2a2e35"] : ["#eceef1", "#e9ebef", "#e6e9ed"],
    background: dark ? "#16181d" : "#ffffff",
    text: dark ? "#f2f4f7" : "#15181d",
    focus: dark ? "#ffffff" : "#111418",
    hatch: dark
      ? { color: "oklch(0.62 0.19 22)", background: "oklch(0.3 0.07 20)" }
      : { color: "oklch(0.8 0.13 22)", background: "oklch(0.95 0.03 20)" },
  };
}
