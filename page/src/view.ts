// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What is looked at, and the same as the fragment of a link.

import type { Split } from "./grow.ts";
import type { Window } from "./samples.ts";

export const TABS = ["flame", "time", "functions", "threads", "accounting"] as const;
export type Tab = (typeof TABS)[number];
export type Side = "both" | "before" | "after";

export interface View {
  tab: Tab;
  rootAtBottom: boolean; // a flame graph; else an icicle
  scope: string; // "all", "p" PID, "t" PID/TID
  split: Split;
  weight: "samples" | "value";
  side: Side; // of a comparison: what is wide
  search: string;
  window: Window | null;
  zoom: number; // a node of the flame graph
  fn: number; // the function whose callers and callees are shown, or -1
  thread: number; // shown in time, or -1: the busiest
}

const NUMBER = /^\d{1,15}$/;

function oneOf<T extends string>(value: string | null, known: readonly T[]): T | undefined {
  return known.find((k) => k === value);
}

function splitOf(value: string | null): Split | undefined {
  if (value?.startsWith("label:")) return value as Split;
  return oneOf(value, ["process", "thread", "none"]);
}

function number(value: string | null): number | undefined {
  return value !== null && NUMBER.test(value) ? Number(value) : undefined;
}

// What a fragment says; nothing of what it does not say or what makes no sense.
export function parseFragment(fragment: string): Partial<View> {
  const q = new URLSearchParams(fragment.replace(/^#/, ""));
  const [from, to] = (q.get("time") ?? "").split(",", 2).map((s) => number(s));
  const scope = q.get("scope") ?? "";
  const given: { [K in keyof View]?: View[K] | undefined } = {
    tab: oneOf(q.get("view"), TABS),
    rootAtBottom: q.has("root") ? q.get("root") === "bottom" : undefined,
    scope: /^(all|p\d+|t\d+\/\d+)$/.test(scope) ? scope : undefined,
    split: splitOf(q.get("split")),
    weight: oneOf(q.get("width"), ["samples", "value"]),
    side: oneOf(q.get("side"), ["both", "before", "after"]),
    search: q.get("search") ?? undefined,
    window: from !== undefined && to !== undefined && from < to ? { from, to } : undefined,
    zoom: number(q.get("zoom")),
    fn: number(q.get("function")),
    thread: number(q.get("thread")),
  };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as Partial<View>;
}

// Only what differs from the view that the page opens with.
export function formatFragment(view: View, plain: View): string {
  const q = new URLSearchParams();
  const say = (key: string, value: string | number, differs: boolean) => {
    if (differs) q.set(key, String(value));
  };
  say("view", view.tab, view.tab !== plain.tab);
  say("root", view.rootAtBottom ? "bottom" : "top", view.rootAtBottom !== plain.rootAtBottom);
  say("scope", view.scope, view.scope !== plain.scope);
  say("split", view.split, view.split !== plain.split);
  say("width", view.weight, view.weight !== plain.weight);
  say("side", view.side, view.side !== plain.side);
  say("search", view.search, Boolean(view.search));
  if (view.window) q.set("time", `${view.window.from},${view.window.to}`);
  say("zoom", view.zoom, view.zoom > 0);
  say("function", view.fn, view.fn >= 0);
  say("thread", view.thread, view.thread >= 0);
  return q.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}
