// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What is told of one frame: in the tooltip, and in the line below the chart.

import type { ComponentChildren } from "preact";
import { KINDS } from "./colours.ts";
import { judge } from "./compare.ts";
import { Kind } from "./data.ts";
import type { Page } from "./page.ts";
import { amount, bytes, clip, count, duration, moment, percent, signed } from "./text.ts";
import type { Tree } from "./tree.ts";

function Row({ term, children }: { term: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </>
  );
}

function CutRows({ tree, n }: { tree: Tree; n: number }) {
  const { profile } = tree;
  const endings = profile.endings(profile.frames.ends[tree.frame[n]!]!);
  const sum = tree.cuts.get(n);
  const each = (total: number) =>
    `${bytes(total / sum!.samples)} a sample, ${count(Math.round(total))} bytes in all`;
  const fixes = [...new Set(endings.map(({ fix }) => fix).filter(Boolean))];
  return (
    <>
      {endings.map(({ what, name, text }) => (
        <Row key={what} term={what}>{`${name}: ${text}`}</Row>
      ))}
      {sum && sum.wanted > 0 && sum.samples > 0 && (
        <>
          <Row term="Wanted">{each(sum.wanted)}</Row>
          <Row term="Got">{`${each(sum.got)} (${percent(sum.got, sum.wanted)})`}</Row>
        </>
      )}
      {fixes.map((fix) => (
        <Row key={fix} term="Fix">
          <strong>{fix}</strong>
        </Row>
      ))}
    </>
  );
}

function FunctionRows({ page, f }: { page: Page; f: number }) {
  const { profile, classes } = page;
  const rows = [
    ["Kind", KINDS[classes.kind[f]!].label],
    ["Module", clip(profile.module(f))],
    ["Source", clip(profile.source(f))],
    ["Caller by", profile.how(f)],
  ];
  return <>{rows.map(([term, text]) => text && <Row term={term!}>{text}</Row>)}</>;
}

// Of a comparison: both sides, what lies between them, and how sure that is.
function ChangeRows({ page, before, after }: { page: Page; before: number; after: number }) {
  const { whole } = page;
  const share = (n: number, all: number) => (all ? n / all : 0);
  const j = judge(
    share(before, whole.before),
    whole.base,
    share(after, whole.after),
    whole.samples,
  );
  return (
    <>
      <Row term="Before">{`${amount(before, page.unit)}, ${percent(before, whole.before)}`}</Row>
      <Row term="After">{`${amount(after, page.unit)}, ${percent(after, whole.after)}`}</Row>
      <Row term="Delta">{`${signed(j.delta)} ± ${(100 * j.noise).toFixed(2)} %`}</Row>
      <Row term="Sure">
        {j.confidence > 0.9999
          ? "> 99.99 %"
          : `${(Math.floor(j.confidence * 1e4) / 100).toFixed(2)} %`}
      </Row>
    </>
  );
}

function Amounts({ page, tree, n }: { page: Page; tree: Tree; n: number }) {
  const all = page.whole.width;
  const { total, self, parent, pair } = tree;
  if (pair) return <ChangeRows page={page} before={pair.before[n]!} after={pair.after[n]!} />;
  return (
    <>
      <Row term="Total">{`${amount(total[n]!, page.unit)}, ${percent(total[n]!, all)}`}</Row>
      <Row term="Self">{`${amount(self[n]!, page.unit)}, ${percent(self[n]!, all)}`}</Row>
      {parent[n]! > 0 && <Row term="Of parent">{percent(total[n]!, total[parent[n]!]!)}</Row>}
    </>
  );
}

function TimeRows({ page, tree, n }: { page: Page; tree: Tree; n: number }) {
  const from = page.window?.from ?? 0;
  return (
    <>
      <Row term="From">{moment(from + tree.start[n]!, 6)}</Row>
      <Row term="For">{duration(tree.total[n]! / 1e6)}</Row>
      <Row term="Samples">{count(tree.self[n]!)}</Row>
    </>
  );
}

export function TooltipBody({ page, tree, n }: { page: Page; tree: Tree; n: number }) {
  const f = tree.frame[n]!;
  const isCut = f >= 0 && page.profile.frames.kind[f] === Kind.Cut;
  return (
    <>
      <b>{clip(tree.name(n))}</b>
      <dl>
        {isCut ? <CutRows tree={tree} n={n} /> : f >= 0 && <FunctionRows page={page} f={f} />}
        {tree.inTime ? (
          <TimeRows page={page} tree={tree} n={n} />
        ) : (
          <Amounts page={page} tree={tree} n={n} />
        )}
      </dl>
    </>
  );
}

export function Details({ page, tree, n }: { page: Page; tree: Tree; n: number }) {
  const { profile } = page;
  const f = tree.frame[n]!;
  const where =
    f < 0
      ? ""
      : [profile.module(f), profile.source(f)]
          .filter(Boolean)
          .map((s) => clip(s))
          .join(" · ");
  const isTime = tree.inTime;
  const all = page.whole.width;
  const total = tree.total[n]!;
  const self = tree.self[n]!;
  return (
    <>
      <b>{clip(tree.name(n))}</b>
      {where && <span class="where">{where}</span>}
      {isTime ? (
        <span>{`${duration(total / 1e6)}, ${count(self)} samples`}</span>
      ) : tree.pair ? (
        <span>
          {`before ${percent(tree.pair.before[n]!, page.whole.before)}, after ${percent(tree.pair.after[n]!, page.whole.after)}`}
        </span>
      ) : (
        <>
          <span>{`total ${amount(total, page.unit)}, ${percent(total, all)}`}</span>
          <span>{`self ${amount(self, page.unit)}, ${percent(self, all)}`}</span>
        </>
      )}
    </>
  );
}
