// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Processes and their threads, as a tree; each opens as what is shown.

import { useState } from "preact/hooks";
import type { Page, Scope } from "./page.ts";
import { clip, count, moment, percent } from "./text.ts";

const MOST = 500; // rows

interface Row {
  scope: string;
  level: 1 | 2;
  name: string;
  id: number;
  samples: number;
  threads: number[];
  children: number;
}

function rowsOf(scopes: Scope[], closed: Set<number>): Row[] {
  return scopes.flatMap(({ process, pid, samples, threads }) => [
    {
      scope: `p${pid}`,
      level: 1 as const,
      name: process,
      id: pid,
      samples,
      threads: threads.flatMap((t) => t.numbers),
      children: threads.length,
    },
    ...(closed.has(pid) || threads.length < 2
      ? []
      : threads.map((t) => ({
          scope: `t${pid}/${t.tid}`,
          level: 2 as const,
          name: t.comm,
          id: t.tid,
          samples: t.samples,
          threads: t.numbers,
          children: 0,
        }))),
  ]);
}

// When it was first and last seen running.
function span(page: Page, threads: number[]): string {
  const { samples } = page;
  if (!samples) return "";
  let [from, to] = [Infinity, -1];
  for (const t of threads) {
    const [first, end] = [samples.first[t]!, samples.first[t + 1]!];
    if (first === end) continue;
    from = Math.min(from, samples.time[first]!);
    to = Math.max(to, samples.time[end - 1]!);
  }
  return to < 0 ? "" : `${moment(from)} – ${moment(to)}`;
}

function ThreadRow({
  page,
  row,
  all,
  isOpen,
  toggle,
}: {
  page: Page;
  row: Row;
  all: number;
  isOpen: boolean;
  toggle: () => void;
}) {
  const isProcess = row.level === 1;
  return (
    <tr
      role="row"
      aria-level={row.level}
      aria-expanded={row.children > 1 ? isOpen : undefined}
      aria-selected={page.view.scope === row.scope}
      data-scope={row.scope}
    >
      <td role="gridcell">
        <div class={row.children > 1 ? "level-1" : isProcess ? "alone" : "level-2"}>
          {row.children > 1 && (
            <button
              type="button"
              class="twisty"
              aria-label={isOpen ? "Hide its threads" : "Show its threads"}
              onClick={toggle}
            >
              {isOpen ? "▾" : "▸"}
            </button>
          )}
          <button
            type="button"
            class="name"
            title={isProcess ? "Show only this process" : "Show only this thread"}
            onClick={() => page.set({ tab: "flame", scope: row.scope })}
          >
            {clip(row.name)}
          </button>
          {isProcess && row.children > 1 && <small>{count(row.children)} threads</small>}
        </div>
      </td>
      <td role="gridcell" class="number">
        {row.id}
      </td>
      <td role="gridcell" class="number">
        <span
          class="bar"
          aria-hidden="true"
          style={{ width: `${(100 * row.samples) / (all || 1)}%` }}
        />
        <span class="amount">{count(row.samples)}</span>
        <span class="share">{percent(row.samples, all)}</span>
      </td>
      {page.samples && (
        <td role="gridcell" class="number">
          {span(page, row.threads)}
        </td>
      )}
    </tr>
  );
}

export function Threads({ page }: { page: Page }) {
  const [closed, setClosed] = useState(new Set<number>());
  const rows = rowsOf(page.scopes, closed);
  const all = page.scopes.reduce((sum, { samples }) => sum + samples, 0);
  const toggle = (pid: number) => {
    const next = new Set(closed);
    if (!next.delete(pid)) next.add(pid);
    setClosed(next);
  };
  const headings = ["Process and thread", "#Id", "#Samples", ...(page.samples ? ["#Ran"] : [])];
  const nThreads = page.scopes.reduce((sum, { threads }) => sum + threads.length, 0);
  return (
    <table class="threads" role="treegrid" aria-label="Processes and threads">
      <caption>
        {`${count(page.scopes.length)} ${page.scopes.length === 1 ? "process" : "processes"}, ${count(nThreads)} ${nThreads === 1 ? "thread" : "threads"}. A name opens its flame graph.`}
        {page.view.scope !== "all" && (
          <button type="button" onClick={() => page.set({ scope: "all" })}>
            Show all processes
          </button>
        )}
      </caption>
      <thead>
        <tr>
          {headings.map((h) => (
            <th key={h} scope="col" class={h[0] === "#" ? "number" : undefined}>
              {h.replace("#", "")}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, MOST).map((row) => (
          <ThreadRow
            key={row.scope}
            page={page}
            row={row}
            all={all}
            isOpen={!closed.has(row.id)}
            toggle={() => toggle(row.id)}
          />
        ))}
        {rows.length > MOST && (
          <tr>
            <td colSpan={headings.length}>
              {`${count(rows.length - MOST)} more, with fewer samples: the list "Show" above has them.`}
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}
