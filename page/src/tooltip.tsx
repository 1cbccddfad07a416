// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The tooltip: beside the pointer, inside of the window. It is drawn by itself, so that a moving
// pointer draws nothing else.

import { type ComponentChildren, render } from "preact";

export class Tooltip {
  #of: unknown = null;

  constructor(readonly box: HTMLElement) {}

  // of: what it tells of; where that is the same as before, it only moves.
  show(children: ComponentChildren, x: number, y: number, of: unknown = null): void {
    this.box.hidden = false;
    if (of === null || of !== this.#of) render(<>{children}</>, this.box);
    this.#of = of;
    const { offsetWidth: w, offsetHeight: h } = this.box;
    const left = x + 16 + w > innerWidth - 8 ? x - 16 - w : x + 16;
    const top = y + 20 + h > innerHeight - 8 ? y - 12 - h : y + 20;
    this.box.style.left = `${Math.max(8, Math.min(left, innerWidth - w - 8))}px`;
    this.box.style.top = `${Math.max(8, top)}px`;
  }

  hide(): void {
    this.#of = null;
    this.box.hidden = true;
  }
}
