// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// All functions as a table, and the sandwich: what calls one of them, and what it calls.

import { useState } from "preact/hooks";
import { type KindName, swatch } from "./colours.ts";
import { judge } from "./compare.ts";
import { Graph } from "./graph.tsx";
import type { FunctionRow, Page } from "./page.ts";
import { amount, clip, count, fileName, percent, signed } from "./text.ts";

interface Column {
  key: string;
  label: string;
  value: (row: FunctionRow) => string | number;
}

function columnsOf(page: Page): Column[] {
  const name: Column = { key: "name", label: "Function", value: (r) => r.name.slice(0, 600) };
  const module: Column = { key: "module", label: "Module", value: (r) => r.module };
  if (!page.profile.isComparison)
    return [
      name,
      module,
      { key: "self", label: "Self", value: (r) => r.self },
      { key: "total", label: "Total", value: (r) => r.total },
    ];
  return [
    name,
    module,
    { key: "before", label: "Before", value: (r) => r.before },
    { key: "after", label: "After", value: (r) => r.after },
    { key: "delta", label: "Delta", value: (r) => Math.abs(judgeRow(page, r).delta) },
  ];
}

function judgeRow({ whole }: Page, { before, after }: FunctionRow) {
  const share = (n: number, all: number) => (all ? n / all : 0);
  return judge(share(before, whole.before), whole.base, share(after, whole.after), whole.samples);
}

function Swatch({ kind, page }: { kind: KindName; page: Page }) {
  return <i data-kind={kind} style={{ background: swatch(kind, page.colours) }} />;
}

function Share({ value, all, unit }: { value: number; all: number; unit: string }) {
  return (
    <td class="number">
      <span class="bar" aria-hidden="true" style={{ width: `${(100 * value) / (all || 1)}%` }} />
      <span class="amount">{unit === "samples" ? count(value) : amount(value, unit)}</span>
      <span class="share">{percent(value, all)}</span>
    </td>
  );
}

function Amounts({ page, row }: { page: Page; row: FunctionRow }) {
  const { whole, unit } = page;
  if (!page.profile.isComparison)
    return (
      <>
        <Share value={row.self} all={whole.width} unit={unit} />
        <Share value={row.total} all={whole.width} unit={unit} />
      </>
    );
  const j = judgeRow(page, row);
  const change = j.confidence < 0.95 ? "unsure" : j.delta < 0 ? "less" : "more";
  return (
    <>
      <Share value={row.before} all={whole.before} unit={unit} />
      <Share value={row.after} all={whole.after} unit={unit} />
      <td
        class="number delta"
        data-change={change}
        title={`${(100 * j.confidence).toFixed(2)} % sure`}
      >
        {signed(j.delta)} <small>± {(100 * j.noise).toFixed(2)}</small>
      </td>
    </>
  );
}

function FunctionTable({ page }: { page: Page }) {
  const columns = columnsOf(page);
  const [sort, setSort] = useState({
    key: columns.at(page.profile.isComparison ? -1 : 2)!.key,
    down: true,
  });
  const [shown, setShown] = useState(200);
  const only = page.found?.functions ?? null;
  const { functionOf } = page.shape;
  const picked = page.view.fn < 0 ? -1 : functionOf[page.view.fn];
  const wanted = only && new Set([...only].map((f) => functionOf[f]));
  const rows = page.functions.filter(({ f }) => !wanted || wanted.has(f));
  const column = columns.find(({ key }) => key === sort.key)!;
  const sign = sort.down ? -1 : 1;
  const compare = (a: FunctionRow, b: FunctionRow) => {
    const [x, y] = [column.value(a), column.value(b)];
    return typeof x === "string" ? x.localeCompare(y as string) : x - (y as number);
  };
  rows.sort((a, b) => sign * compare(a, b) || b.total - a.total || a.f - b.f);
  const more = rows.length - shown;
  return (
    <div class="table-box">
      <table class={page.profile.isComparison ? "functions changes" : "functions"}>
        <caption>
          {`${count(rows.length)} functions${page.profile.isComparison ? "" : ` of ${amount(page.whole.width, page.unit)}`}. `}
          {page.profile.isComparison
            ? "Shares with what each function called; coloured where the change is more than 95 % sure."
            : "Self: the function itself was running. Total: it, or what it called."}
        </caption>
        <thead>
          <tr>
            {columns.map(({ key, label }, i) => (
              <th
                key={key}
                scope="col"
                data-key={key}
                class={i > 1 ? "number" : undefined}
                aria-sort={sort.key === key ? (sort.down ? "descending" : "ascending") : undefined}
              >
                <button
                  type="button"
                  onClick={() => setSort({ key, down: sort.key === key ? !sort.down : i > 1 })}
                >
                  {label}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((row) => (
            <tr key={row.f} aria-selected={row.f === picked}>
              <td>
                <div>
                  <Swatch kind={page.classes.kind[row.f]!} page={page} />
                  <button
                    type="button"
                    title="Show what calls it, and what it calls"
                    onClick={() => page.set({ fn: row.f })}
                  >
                    {clip(row.name)}
                  </button>
                </div>
              </td>
              <td class="module" title={clip(row.module)}>
                {clip(fileName(row.module))}
              </td>
              <Amounts page={page} row={row} />
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && (
        <button type="button" class="more" onClick={() => setShown(shown + 1000)}>
          {`Show ${count(Math.min(more, 1000))} more`}
        </button>
      )}
    </div>
  );
}

function SandwichView({ page }: { page: Page }) {
  const { sandwich, profile } = page;
  const { fn } = page.view;
  if (!sandwich)
    return (
      <p class="hint">
        Choose a function, here or with <kbd>s</kbd> on a frame of the graph: this is where its
        callers and callees appear.
      </p>
    );
  const { total, self } = sandwich.callees;
  const all = page.whole.width;
  return (
    <div class="sandwich">
      <div class="sandwich-head">
        <h2 id="sandwich-name">{clip(profile.name(fn))}</h2>
        <p id="sandwich-amount">
          {`total ${amount(total[0]!, page.unit)}, ${percent(total[0]!, all)}; self ${amount(self[0]!, page.unit)}, ${percent(self[0]!, all)}`}
        </p>
        <button type="button" id="find-fn" onClick={() => page.find(fn)}>
          Find in the flame graph
        </button>
        <button type="button" onClick={() => page.set({ fn: -1 })} aria-label="Close the sandwich">
          Close
        </button>
      </div>
      <h3>Callers</h3>
      <Graph page={page} name="callers" tree={sandwich.callers} rootAtBottom={true} />
      <h3>Callees</h3>
      <Graph page={page} name="callees" tree={sandwich.callees} rootAtBottom={false} />
    </div>
  );
}

export function Functions({ page }: { page: Page }) {
  return (
    <div class="functions-view" data-picked={page.view.fn >= 0 ? "" : undefined}>
      <FunctionTable page={page} />
      <SandwichView page={page} />
    </div>
  );
}
