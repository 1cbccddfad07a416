// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The whole page.

import type { ComponentChildren } from "preact";
import { Accounting, accountingLine } from "./accounting.tsx";
import { KINDS, KIND_NAMES, swatch } from "./colours.ts";
import { STEPS } from "./compare.ts";
import { Functions } from "./functions.tsx";
import { Graph } from "./graph.tsx";
import { MOST_IN_TIME } from "./grow.ts";
import { Header } from "./header.tsx";
import { Help } from "./help.tsx";
import type { Page } from "./page.ts";
import { TimeStrip } from "./strip.tsx";
import { count } from "./text.ts";
import { Threads } from "./threads.tsx";
import { Toolbar } from "./toolbar.tsx";
import type { Tooltip } from "./tooltip.tsx";
import type { Tab } from "./view.ts";

function Legend({ page }: { page: Page }) {
  const { classes, colours, profile } = page;
  if (profile.isComparison) {
    const { changes } = colours;
    const entries: [string, string][] = [
      [`linear-gradient(90deg, ${changes[0]}, ${changes[STEPS - 1]})`, "has shrunk"],
      [changes[STEPS]!, "the same, or by chance"],
      [`linear-gradient(90deg, ${changes[STEPS + 1]}, ${changes[2 * STEPS]})`, "has grown"],
    ];
    return (
      <ul id="legend" aria-label="Colours">
        {entries.map(([background, text]) => (
          <li key={text}>
            <i data-kind="change" style={{ background }} />
            {text}
          </li>
        ))}
      </ul>
    );
  }
  const used = new Set<string>();
  for (const f of page.tree.frame) if (f >= 0) used.add(classes.kind[f]!);
  return (
    <ul id="legend" aria-label="Colours">
      {KIND_NAMES.filter((kind) => used.has(kind)).map((kind) => (
        <li key={kind}>
          <i data-kind={kind} style={{ background: swatch(kind, colours) }} />
          {KINDS[kind].label}
        </li>
      ))}
    </ul>
  );
}

function Panel({ page, tab, children }: { page: Page; tab: Tab; children: ComponentChildren }) {
  return (
    <section
      id={`view-${tab}`}
      role="tabpanel"
      aria-labelledby={`tab-${tab}`}
      hidden={page.view.tab !== tab}
      data-whole={page.window ? undefined : ""}
    >
      {children}
    </section>
  );
}

function InTime({ page }: { page: Page }) {
  const tree = page.timeTree;
  const { samples, thread } = page;
  if (!tree || !samples) return <p class="hint">There is no thread to show.</p>;
  const { from, to } = page.window ?? page.wholeTime;
  const left = samples.at(thread, to) - samples.at(thread, from) - MOST_IN_TIME;
  return (
    <>
      <div class="time-head">
        <label>
          {"Thread "}
          <select
            id="time-thread"
            value={String(thread)}
            onChange={(e) => page.set({ thread: Number(e.currentTarget.value) })}
          >
            {page.scopes.flatMap(({ threads }) =>
              threads.flatMap(({ numbers, tid }) =>
                numbers.filter(page.inScope).map((t) => (
                  <option key={t} value={String(t)} selected={t === thread}>
                    {`${page.profile.comm(t).slice(0, 40)} (${tid})`}
                  </option>
                )),
              ),
            )}
          </select>
        </label>
        <span>One call after the other, from left to right; gaps are where it did not run.</span>
        {left > 0 && (
          <strong>{`${count(left)} later samples are left out: select a window.`}</strong>
        )}
      </div>
      <Graph page={page} name="time" tree={tree} rootAtBottom={false} />
    </>
  );
}

export interface AppProps {
  page: Page;
  tooltip: Tooltip;
  theme: () => void;
  help: () => void;
}

export function App({ page, tooltip, theme, help }: AppProps) {
  const { tab } = page.view;
  const hasGraph = tab === "flame" || tab === "time" || tab === "functions";
  return (
    <>
      <Header profile={page.profile} openAccounting={() => page.set({ tab: "accounting" })} />
      {page.profile.doc.truncated !== 0 && (
        <p id="notice" role="status">
          This recording ends in mid-air: its writer was killed. What it wrote until then is shown.
        </p>
      )}
      <Toolbar page={page} theme={theme} help={help} />
      {page.samples && tab !== "accounting" && <TimeStrip page={page} tooltip={tooltip} />}
      <main>
        <Panel page={page} tab="flame">
          <Graph page={page} name="main" tree={page.tree} rootAtBottom={page.view.rootAtBottom} />
        </Panel>
        {page.samples && (
          <Panel page={page} tab="time">
            {tab === "time" && <InTime page={page} />}
          </Panel>
        )}
        <Panel page={page} tab="functions">
          {tab === "functions" && <Functions page={page} />}
        </Panel>
        <Panel page={page} tab="threads">
          {tab === "threads" && <Threads page={page} />}
        </Panel>
        <Panel page={page} tab="accounting">
          {tab === "accounting" && <Accounting profile={page.profile} />}
        </Panel>
      </main>
      <footer>
        <p id="details" aria-live="polite" hidden={!hasGraph} />
        {hasGraph && <Legend page={page} />}
        <button
          id="accounted"
          type="button"
          title="Open the accounting"
          onClick={() => page.set({ tab: "accounting" })}
        >
          {accountingLine(page.profile)}
        </button>
      </footer>
      <Help />
    </>
  );
}
