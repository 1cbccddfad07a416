// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The tools: which view, of what, split by what, searched for what.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Split } from "./grow.ts";
import type { Page } from "./page.ts";
import { clip, count, percent } from "./text.ts";
import { type Side, TABS, type Tab, type View } from "./view.ts";

const TAB_NAMES: Record<Tab, string> = {
  flame: "Flame graph",
  time: "Time",
  functions: "Functions",
  threads: "Threads",
  accounting: "Accounting",
};

export function tabsOf(page: Page): Tab[] {
  return TABS.filter((tab) => tab !== "time" || page.samples);
}

function Tabs({ page }: { page: Page }) {
  const tabs = tabsOf(page);
  const key = (e: KeyboardEvent, i: number) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    const next = tabs[(i + step + tabs.length) % tabs.length]!;
    page.set({ tab: next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div role="tablist" aria-label="Views">
      {tabs.map((tab, i) => (
        <button
          key={tab}
          role="tab"
          type="button"
          id={`tab-${tab}`}
          aria-controls={`view-${tab}`}
          aria-selected={page.view.tab === tab}
          tabIndex={page.view.tab === tab ? 0 : -1}
          onClick={() => page.set({ tab })}
          onKeyDown={(e) => key(e, i)}
        >
          {TAB_NAMES[tab]}
        </button>
      ))}
    </div>
  );
}

export function foundText(page: Page): string {
  const { found } = page;
  if (!found) return "";
  const n = found.functions.size;
  return `${percent(found.weight, page.tree.all)} in ${count(n)} ${n === 1 ? "function" : "functions"}`;
}

function Search({ page }: { page: Page }) {
  const input = useRef<HTMLInputElement>(null);
  const pending = useRef(0);
  const [typed, setTyped] = useState(page.view.search);
  useEffect(() => setTyped(page.view.search), [page.view.search]);
  const type = (e: { currentTarget: HTMLInputElement }) => {
    const text = e.currentTarget.value;
    setTyped(text);
    clearTimeout(pending.current);
    pending.current = setTimeout(() => page.set({ search: text }), 80);
  };
  const key = (e: KeyboardEvent) => {
    if (e.key === "Enter") page.nextHit(e.shiftKey ? -1 : 1);
    if (e.key !== "Escape") return;
    clearTimeout(pending.current);
    setTyped("");
    page.set({ search: "" });
    input.current!.blur();
    e.stopPropagation();
  };
  return (
    <div class={page.found && !page.found.count ? "search none" : "search"} role="search">
      <input
        id="search"
        ref={input}
        type="search"
        placeholder="Search, a regular expression"
        aria-label="Search functions, a regular expression"
        autocomplete="off"
        spellcheck={false}
        value={typed}
        onInput={type}
        onKeyDown={key}
      />
      <output id="matches" for="search">
        {foundText(page)}
      </output>
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}

function Choice<T extends string>({
  id,
  label,
  value,
  options,
  pick,
}: {
  id: string;
  label: string;
  value: T;
  options: [T, string][];
  pick: (value: T) => void;
}) {
  return (
    <label>
      {`${label} `}
      <select id={id} value={value} onChange={(e) => pick(e.currentTarget.value as T)}>
        {options.map(([v, text]) => (
          <option key={v} value={v} selected={v === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

const MOST_SCOPES = 2000;

function scopeOptions(page: Page): [string, string][] {
  const options: [string, string][] = [["all", "all processes"]];
  for (const { process, pid, samples, threads } of page.scopes) {
    options.push([`p${pid}`, clip(`${process} (${pid}), ${count(samples)}`, 60)]);
    if (threads.length > 1 || page.view.scope.startsWith(`t${pid}/`))
      for (const t of threads)
        options.push([
          `t${pid}/${t.tid}`,
          clip(`\u2003${t.comm} (thread ${t.tid}), ${count(t.samples)}`, 60),
        ]);
  }
  return options.slice(0, MOST_SCOPES);
}

function Choices({ page }: { page: Page }) {
  const { view } = page;
  const set =
    <K extends keyof View>(key: K) =>
    (value: View[K]) =>
      page.set({ [key]: value } as Partial<View>);
  return (
    <div class="choices">
      <Choice
        id="scope"
        label="Show"
        value={view.scope}
        options={scopeOptions(page)}
        pick={set("scope")}
      />
      <Choice<Split>
        id="split"
        label="Split by"
        value={view.split}
        options={[
          ["process", "process"],
          ["thread", "thread"],
          ...page.labelKeys.map((key): [Split, string] => [`label:${key}`, clip(key, 40)]),
          ["none", "nothing"],
        ]}
        pick={set("split")}
      />
      {page.hasValues && (
        <Choice<View["weight"]>
          id="weight"
          label="Width"
          value={view.weight}
          options={[
            ["samples", "samples"],
            ["value", page.profile.doc.event.unit || "value"],
          ]}
          pick={set("weight")}
        />
      )}
      {page.profile.isComparison && (
        <Choice<Side>
          id="side"
          label="Width"
          value={view.side}
          options={[
            ["both", "both"],
            ["before", "before"],
            ["after", "after"],
          ]}
          pick={set("side")}
        />
      )}
    </div>
  );
}

export function Toolbar({
  page,
  theme,
  help,
}: {
  page: Page;
  theme: () => void;
  help: () => void;
}) {
  const { rootAtBottom } = page.view;
  return (
    <nav class="toolbar" aria-label="Tools">
      <Tabs page={page} />
      <Search page={page} />
      <Choices page={page} />
      <div class="buttons">
        <button
          id="reset"
          type="button"
          title="Show everything again (Esc goes one step back)"
          onClick={() => page.chart?.reset()}
        >
          Reset
        </button>
        <button
          id="direction"
          type="button"
          aria-label="Root at the bottom"
          aria-pressed={rootAtBottom}
          title="The root at the bottom: a flame graph; at the top: an icicle graph"
          onClick={() => page.setDirection(!rootAtBottom)}
        >
          ⇅
        </button>
        <button
          id="theme"
          type="button"
          title="Light or dark"
          aria-label={page.colours.dark ? "Light theme" : "Dark theme"}
          onClick={theme}
        >
          ◐
        </button>
        <button id="help" type="button" title="Keys and hints (?)" aria-label="Help" onClick={help}>
          ?
        </button>
      </div>
    </nav>
  );
}
