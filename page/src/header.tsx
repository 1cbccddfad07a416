// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The head of the page: what was recorded, and whether all of it is there.

import type { Meta, Profile } from "./data.ts";
import { clip, count, duration, percent } from "./text.ts";

function dateOf(meta: Meta): string {
  const start = Number(meta["start-time"]);
  return start ? new Date(start * 1000).toLocaleString() : "";
}

function facts(profile: Profile): [string, string][] {
  const { meta, event, base } = profile.doc;
  const rate = event.frequency
    ? ` at ${count(event.frequency)} Hz`
    : event.period
      ? ` every ${count(event.period)}`
      : "";
  const of = event.name ? ` of ${event.name}${rate}` : "";
  const baseSamples = profile.stacks.baseSamples.reduce((a, b) => a + b, 0);
  const all: [string, string | undefined][] = [
    ["Host", meta.hostname],
    ["Kernel", meta.kernel],
    ["Date", dateOf(meta)],
    ["Duration", meta.duration ? duration(Number(meta.duration)) : ""],
    [
      base ? "After" : "Samples",
      `${count(profile.samples)} samples${of}`.replace("samples of", "of"),
    ],
    [
      "Before",
      base && [`${count(baseSamples)} samples`, dateOf(base.meta)].filter(Boolean).join(", "),
    ],
    ["Capture", [meta.backend, meta.unwinder].filter(Boolean).join(", ")],
    ["egret", meta.version],
  ];
  return all.filter((fact): fact is [string, string] => Boolean(fact[1]));
}

export function titleOf(profile: Profile): string {
  return clip(profile.doc.title || profile.doc.meta.command || "egret");
}

function Verdict({ profile, open }: { profile: Profile; open: () => void }) {
  const { complete, cut } = profile.completeness();
  const verdict = cut === 0 ? "good" : complete >= 99 * cut ? "fair" : "poor";
  return (
    <button
      id="verdict"
      type="button"
      title="Open the accounting"
      data-verdict={verdict}
      hidden={complete + cut === 0}
      onClick={open}
    >
      <b>{percent(complete, complete + cut)}</b> complete stacks
    </button>
  );
}

export function Header({
  profile,
  openAccounting,
}: {
  profile: Profile;
  openAccounting: () => void;
}) {
  const title = titleOf(profile);
  return (
    <header>
      <div class="heading">
        <h1 id="title" title={title}>
          {title}
        </h1>
        <dl id="facts" aria-label="The recording">
          {facts(profile).map(([term, text]) => (
            <div key={term}>
              <dt>{term}</dt>
              <dd>{clip(text)}</dd>
            </div>
          ))}
        </dl>
      </div>
      <Verdict profile={profile} open={openAccounting} />
    </header>
  );
}
