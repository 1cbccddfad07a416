#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""make_steps_corpus.py DIR: the first inputs of steps_fuzz: captures of one thread whose stack is whole.

Each capture leaves some frames of the one before, and enters others, so that the outer ones are the
same; the functions and the input's format are those of tests/fuzz/steps_fuzz.c. What is in
tests/fuzz/corpus/steps was made by this.
"""

import pathlib
import random
import sys

WORDS = 128
KINDS = {  # functions by how their CFA is found, as steps_fuzz.c makes them
    "rsp": [i for i in range(64) if i % 8 < 5],
    "rbp": [i for i in range(64) if i % 8 == 5],
    "mixed": [i for i in range(64) if i % 8 < 6],
    "odd": [i for i in range(64) if i % 8 < 6 or i in (31, 60, 61)],
}


def code(function):
    return 2 * function + 1  # a return address in it


def place(word):
    return 128 + word  # a word's address, as a byte of the input


class Stack:
    """Frames from the outermost one on; each has its function, its CFA (a word), and rbp in it."""

    def __init__(self, functions):
        self.functions, self.words, self.frames, self.saves = functions, {}, [], []

    def enter(self, rng):
        """Calls a function; False: there is no room for it."""
        cfa = rbp = WORDS - 1
        if self.frames:
            cfa, rbp = self.frames[-1]["sp"], self.frames[-1]["rbp"]
        function = rng.choice(self.functions)
        by_rbp = function % 8 == 5
        words = rng.randint(2, 5) if by_rbp else 1 + function * 5 % 12
        if cfa - words < 8:
            return False
        caller = code(self.frames[-1]["function"]) if self.frames else None
        if caller is not None:
            self.words[cfa - 1] = caller
        saved = by_rbp or (function & 8 and words >= 2)
        if saved:
            self.words[cfa - 2] = place(rbp)
            self.saves.append(cfa - 2)
        inner = cfa - 2 if by_rbp else rng.choice([rbp, rng.randrange(WORDS)]) if saved else rbp
        self.frames.append({"function": function, "sp": cfa - words, "rbp": inner})
        return True


def build(rng, functions, captures):
    stack, told, out = Stack(functions), {}, bytearray()
    for _ in range(captures):
        del stack.frames[rng.randint(1, max(1, len(stack.frames))):]
        stack.saves.clear()
        for _ in range(rng.randint(1, 12)):
            if not stack.enter(rng):
                break
        words = dict(stack.words)
        if stack.saves and rng.random() < 0.6:  # the rbp that was saved first leads elsewhere
            words[stack.saves[0]] = place(rng.randrange(WORDS // 2, WORDS))
        top = stack.frames[-1]
        changes = [(at, value) for at, value in words.items() if told.get(at) != value][:255]
        told.update(changes)
        # From rsp to the end of the stack: see capture() in steps_fuzz.c.
        out += bytes([top["sp"], WORDS - top["sp"], code(top["function"]), place(top["rbp"]), 200,
                      rng.choice([0, 0, 0, 0x81]), len(changes)])
        for at, value in changes:
            out += bytes([at, value])
    return bytes(out)


def saved_elsewhere():
    """A frame left by rbp has the same return address twice, but the second time rbp was saved to be another."""
    first = {125: code(0), 122: code(5)}
    second = {126: code(1), 121: place(125)}
    out = bytearray()
    for changes, sp, function in ((first, 122, 0), (second, 118, 8)):
        out += bytes([sp, WORDS - sp, code(function), place(124), 200, 0, len(changes)])
        for change in changes.items():
            out += bytes(change)
    return bytes(out)


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    (directory / "saved").write_bytes(saved_elsewhere())
    for number, (name, functions) in enumerate(KINDS.items()):
        for part in range(3):
            data = build(random.Random(3 * number + part), functions, 24)
            (directory / f"{name}-{part}").write_bytes(data)


if __name__ == "__main__":
    main()
