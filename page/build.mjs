// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// node build.mjs [FILE]: bundles src/ and puts it into template.html. FILE: what to write
// (../lib/export/page/page.html), in which egret replaces @@profile@@ and @@samples@@.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "../lib/export/page/page.html");

// What is bundled, for the notice that its licence asks for: packages and their copyright lines.
const NOTICES = {
  "flame-chart-js": "LICENSE",
  color: "LICENSE",
  "color-convert": "LICENSE",
  "color-name": "LICENSE",
  "color-string": "LICENSE",
  "simple-swizzle": "LICENSE",
  "is-arrayish": "LICENSE",
  events: "LICENSE",
  preact: "LICENSE",
  uplot: "LICENSE",
};

const bundle = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.tsx"],
  bundle: true,
  minify: true,
  charset: "ascii",
  format: "iife",
  target: ["chrome111", "firefox113", "safari16.4"],
  legalComments: "none",
  outdir: "out",
  metafile: true,
  write: false,
});

const text = (suffix) => bundle.outputFiles.find(({ path }) => path.endsWith(suffix)).text.trim();
const hash = (content) => `sha256-${createHash("sha256").update(content).digest("base64")}`;
const read = (...path) => readFileSync(join(here, ...path), "utf8");

// As tests/lint/page.sh sums them: the page bears the sum of what it was made of.
const sources = [
  "build.mjs",
  "package-lock.json",
  "package.json",
  ...readdirSync(join(here, "src")).map((name) => `src/${name}`),
  "template.html",
].sort();
const sha256 = (content) => createHash("sha256").update(content).digest("hex");
const sum = sha256(sources.map((name) => `${sha256(read(name))}  ${name}\n`).join(""));

const packages = new Set();
for (const input of Object.keys(bundle.metafile.inputs)) {
  const match = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/);
  if (match) packages.add(match[1]);
}
const unknown = [...packages].filter((name) => !(name in NOTICES));
if (unknown.length) throw new Error(`no licence notice for ${unknown.join(", ")}: see NOTICES`);

const copyrights = [...packages].sort().map((name) => {
  const licence = read("node_modules", name, NOTICES[name]);
  const lines = licence
    .split("\n")
    .filter((line) => /^\s*(The MIT License )?\(?Copyright/i.test(line));
  const { version } = JSON.parse(read("node_modules", name, "package.json"));
  return `     ${name} ${version}: ${lines.map((l) => l.trim()).join(" ")}`;
});
const permission = read("node_modules/preact/LICENSE")
  .replace(/^[\s\S]*?(?=Permission is)/, "")
  .trim();

const [script, style] = [text(".js"), text(".css")];
for (const part of [script, style])
  if (/@@|<\/(script|style)/i.test(part)) throw new Error("the bundle would end its own element");
const parts = {
  notices: `${copyrights.join("\n")}\n\n${permission.replace(/^/gm, "     ")}`,
  script,
  style,
  sources: sum,
  "script-hash": hash(script),
  "style-hash": hash(style),
};
const page = read("template.html").replace(/@@([a-z-]+)@@/g, (mark, name) => parts[name] ?? mark);
writeFileSync(target, page);
