// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The axis of time as a part of the page, with the names of its lanes and the window in numbers.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Axis, LANE, lanesOf, whatRan } from "./axis.ts";
import type { Page } from "./page.ts";
import { clip, count, moment } from "./text.ts";
import type { Tooltip } from "./tooltip.tsx";

function Bound({ page, which }: { page: Page; which: "from" | "to" }) {
  const window = page.window ?? page.wholeTime;
  const set = (text: string) => {
    const us = Math.max(0, Math.round(1e6 * Number(text)));
    const next = { ...window, [which]: us };
    if (Number.isFinite(us) && next.from < next.to) page.set({ window: next });
  };
  return (
    <label>
      {which === "from" ? "From " : " to "}
      <input
        id={`window-${which}`}
        type="number"
        min="0"
        step="any"
        value={(window[which] / 1e6)
          .toFixed(which === "to" && !page.window ? 3 : 6)
          .replace(/\.?0+$/, "")}
        onChange={(e) => set(e.currentTarget.value)}
      />
      {" s"}
    </label>
  );
}

export function TimeStrip({ page, tooltip }: { page: Page; tooltip: Tooltip }) {
  const box = useRef<HTMLDivElement>(null);
  const axis = useRef<Axis | null>(null);
  const [showsAll, setShowsAll] = useState(false);
  const { samples } = page;
  const lanes = lanesOf(page, showsAll);
  useLayoutEffect(() => {
    axis.current = new Axis(box.current!, page, (at) => {
      if (!at) return tooltip.hide();
      const width = Math.max(page.interval, (page.wholeTime.to - page.wholeTime.from) / 2000);
      const ran = whatRan(page, at.lane, at.us, width);
      tooltip.show(
        <>
          <b>{clip(at.lane.label)}</b>
          <dl>
            <dt>At</dt>
            <dd>{moment(at.us)}</dd>
            <dt>Samples</dt>
            <dd>{`${count(ran.n)} in ${moment(ran.window.to - ran.window.from, 4)}`}</dd>
            {ran.function >= 0 && (
              <>
                <dt>In</dt>
                <dd>{`${clip(page.profile.name(ran.function))} (${count(ran.most)})`}</dd>
              </>
            )}
          </dl>
        </>,
        at.x,
        at.y,
      );
    });
  }, []);
  useLayoutEffect(() => axis.current!.show(lanes));
  if (!samples) return null;
  return (
    <section class="time-strip" aria-label="Time">
      <div class="strip-head">
        <span>{page.window ? "Only this time:" : "All the time; drag to select some of it:"}</span>
        <Bound page={page} which="from" />
        <Bound page={page} which="to" />
        <button
          id="all-time"
          type="button"
          disabled={!page.window}
          onClick={() => page.set({ window: null })}
        >
          All the time
        </button>
        <button
          type="button"
          id="all-lanes"
          aria-pressed={showsAll}
          onClick={() => setShowsAll(!showsAll)}
        >
          {showsAll ? "Fewer threads" : "All threads"}
        </button>
      </div>
      <div class="lanes">
        <div class="lane-names">
          {lanes.map(({ label, scope }) => (
            <button
              key={label}
              type="button"
              style={{ height: `${LANE}px` }}
              disabled={!scope}
              aria-pressed={scope !== null && page.view.scope === scope}
              title={`Show only ${clip(label)}`}
              onClick={() => page.set({ scope: page.view.scope === scope ? "all" : scope! })}
            >
              {clip(label, 60)}
            </button>
          ))}
        </div>
        <div class="axis" ref={box} />
      </div>
    </section>
  );
}
