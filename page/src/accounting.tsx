// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What became of every sample.

import type { ComponentChildren } from "preact";
import { type Completeness, Profile, type Stat } from "./data.ts";
import { bytes, clip, count, percent } from "./text.ts";

const PARTS: [keyof Completeness, string][] = [
  ["complete", "complete"],
  ["cut", "cut"],
  ["none", "without a user part"],
];

function CompletenessBar({ sum }: { sum: Completeness }) {
  const all = sum.complete + sum.cut + sum.none;
  const parts = PARTS.filter(([kind]) => sum[kind]);
  return (
    <figure class="completeness">
      <div class="stack" aria-hidden="true">
        {parts.map(([kind]) => (
          <span key={kind} data-part={kind} style={{ flexGrow: sum[kind] }} />
        ))}
      </div>
      <figcaption>
        {parts.map(([kind, text]) => (
          <span key={kind}>
            <i data-part={kind} />
            <b>{`${count(sum[kind])} `}</b>
            {`${text} (${percent(sum[kind], all)})`}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

// A column whose heading begins with # holds numbers.
function Table({
  caption,
  columns,
  children,
}: {
  caption: string;
  columns: string[];
  children: ComponentChildren;
}) {
  return (
    <table class="accounting">
      <caption>{caption}</caption>
      <thead>
        <tr>
          {columns.map((c) => (
            <th key={c} scope="col" class={c[0] === "#" ? "number" : undefined}>
              {c.replace("#", "")}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

// The cut stacks by their two endings, most frequent first.
function CutTable({ profile }: { profile: Profile }) {
  const { stacks } = profile;
  const sums = new Map<number, { samples: number; wanted: number; got: number }>();
  for (let s = 0; s < profile.nStacks; s++) {
    const ends = stacks.ends[s]!;
    if (!Profile.isCut(ends) || !stacks.samples[s]) continue;
    const sum = sums.get(ends) ?? { samples: 0, wanted: 0, got: 0 };
    sum.samples += stacks.samples[s]!;
    sum.wanted += stacks.wanted[s]!;
    sum.got += stacks.got[s]!;
    sums.set(ends, sum);
  }
  if (!sums.size) return null;
  const rows = [...sums].sort((a, b) => b[1].samples - a[1].samples);
  return (
    <Table
      caption="Why stacks are cut"
      columns={["Reason", "#Samples", "Meaning", "#Bytes got of wanted", "Fix"]}
    >
      {rows.map(([ends, sum]) => {
        const endings = profile.endings(ends);
        const fixes = new Set(endings.map(({ fix }) => fix).filter(Boolean));
        return (
          <tr key={ends}>
            <td>
              <code>{endings.map(({ name }) => name).join(" → ")}</code>
            </td>
            <td class="number">{count(sum.samples)}</td>
            <td>{endings.map(({ text }) => text).join("; ")}</td>
            <td class="number">{sum.wanted ? `${bytes(sum.got)} of ${bytes(sum.wanted)}` : "–"}</td>
            <td class="fix">{[...fixes].join("; ") || "–"}</td>
          </tr>
        );
      })}
    </Table>
  );
}

const STAT_GROUPS: [prefix: string, caption: string][] = [
  ["capture.", "How the captures ended"],
  ["unwind.", "How the stacks ended"],
  ["", "The identity: every interrupt is accounted for"],
];

function StatTable({ stats, prefix, caption }: { stats: Stat[]; prefix: string; caption: string }) {
  if (!stats.length) return null;
  return (
    <Table caption={caption} columns={["Name", "#Number", "What it counts"]}>
      {stats.map(([name, text, value]) => (
        <tr key={name} class={value === "0" ? "zero" : undefined}>
          <td>
            <code>{clip(name.slice(prefix.length))}</code>
          </td>
          <td class="number" data-stat={clip(name)}>
            {count(BigInt(value))}
          </td>
          <td>{clip(text)}</td>
        </tr>
      ))}
    </Table>
  );
}

export function Accounting({ profile }: { profile: Profile }) {
  const { stats } = profile.doc;
  const groups = STAT_GROUPS.map(() => [] as Stat[]);
  for (const stat of stats)
    groups[STAT_GROUPS.findIndex(([prefix]) => stat[0].startsWith(prefix))]!.push(stat);
  return (
    <>
      <h2>{`What became of every sample${profile.isComparison ? " of the second recording" : ""}`}</h2>
      <CompletenessBar sum={profile.completeness()} />
      <CutTable profile={profile} />
      {[2, 0, 1].map((i) => (
        <StatTable
          key={i}
          stats={groups[i]!}
          prefix={STAT_GROUPS[i]![0]}
          caption={STAT_GROUPS[i]![1]}
        />
      ))}
      {!stats.length && <p>This profile carries no accounting.</p>}
    </>
  );
}

// The same in a line: what is at hand, and what is not.
export function accountingLine(profile: Profile): string {
  const { complete, cut, none } = profile.completeness();
  const dropped = profile.doc.stats
    .filter(([name]) => /^(samples\.)?dropped\b/.test(name))
    .reduce((sum, [, , value]) => sum + BigInt(value), 0n);
  const parts = [
    `${count(complete)} complete`,
    `${count(cut)} cut`,
    `${count(none)} without a user part`,
  ];
  const lost = profile.doc.stats.length ? `; ${count(dropped)} dropped` : "";
  return `${count(complete + cut + none)} samples: ${parts.join(", ")}${lost}`;
}
