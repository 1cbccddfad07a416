// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What flame-chart-js uses of the package events, which has no types.
declare module "events" {
  export class EventEmitter {
    on(event: string, listener: (...args: any[]) => void): this;
  }
}
