// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The keys, in a dialog.

const KEYS: [string[], string][] = [
  [["/"], "search functions, by a regular expression"],
  [["n", "N"], "go to the next match, to the one before"],
  [["←", "→", "↑", "↓"], "in a graph: to the frame beside, above, below"],
  [["Enter"], "zoom to the frame"],
  [["Esc", "Backspace"], "one step back"],
  [["0"], "show everything again"],
  [["s"], "callers and callees of the frame (or Shift and a click)"],
  [["1", "2", "3", "4", "5"], "the views"],
  [["f"], "root at the bottom, or at the top"],
  [["t"], "all the time again"],
  [["d"], "dark, or light"],
  [["?"], "this"],
];

export function Help() {
  return (
    <dialog id="help-dialog" aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl>
        {KEYS.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p>
        The wheel scrolls, and with Ctrl it zooms; a drag moves. On the axis of time a drag selects.
        The address of the page always leads back to what is shown.
      </p>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
