#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Hold egret symbolize against llvm-symbolizer and addr2line, on random addresses of ELF files.

For each file, addresses are drawn with a seed: in functions of the symbol tables, in parts that the
compiler split off (.cold, .part), in procedure linkage tables, in code that has DWARF, and anywhere in
executable sections, padding too. What egret says of an address (function, inline chain, files, lines) must be what one
of the two others says, or fall into a class of symbolize_expected.py. All is counted.
"""
import argparse
import bisect
import collections
import json
import os
import random
import re
import subprocess
import sys

import symbolize_expected

Frame = collections.namedtuple('Frame', 'function file line')


def run(command, text=None):
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True, universal_newlines=True, errors='replace').stdout


def code_of(path):
    return run(['objdump', '-s', '-j', '.text', path]).split('\n', 3)[-1]


class Binary:
    """What readelf says of a file: where code is, and where its functions are."""

    def __init__(self, path, debug):
        self.path = path
        self.sections = []  # (start, end, name), executable
        headers = run(['readelf', '-SW', path])
        self.is_go = ' .gopclntab ' in headers
        for line in headers.splitlines():
            m = re.match(r' *\[ *\d+\] (\S+) +(\S+) +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+) \S+ +(\S*)', line)
            if m and 'X' in m.group(5) and m.group(2) == 'PROGBITS':
                start, size = int(m.group(3), 16), int(m.group(4), 16)
                self.sections.append((start, start + size, m.group(1)))
        functions = set()
        for source in filter(None, [path, debug]):
            for line in run(['readelf', '-sW', source]).splitlines():
                field = line.split()
                if len(field) < 8 or field[3] not in ('FUNC', 'NOTYPE', 'IFUNC') or field[6] == 'UND':
                    continue
                start, size = int(field[1], 16), int(field[2], 0)
                if size and self.section_of(start):
                    functions.add((start, start + size, field[7].split('@')[0]))
        self.functions = sorted(functions)
        self.aliases = collections.defaultdict(set)  # name: the names of functions that begin there
        for i, function in enumerate(self.functions):
            same = {function[2]}
            for step in (-1, 1):
                j = i + step
                while 0 <= j < len(self.functions) and self.functions[j][0] == function[0]:
                    same.add(self.functions[j][2])
                    j += step
            self.aliases[function[2]] |= same
        self.starts = [f[0] for f in self.functions]
        self.ranges = []  # (start, end, ''): what has DWARF, as far as .debug_aranges says so
        text = run(['readelf', '--debug-dump=aranges', debug or path])
        for m in re.finditer(r'^    ([0-9a-f]{16}) ([0-9a-f]{16})$', text, re.M):
            start, size = int(m.group(1), 16), int(m.group(2), 16)
            if size and self.section_of(start):
                self.ranges.append((start, start + size, ''))
        self.plt = []  # (start, end, names)
        for name in {s[2] for s in self.sections if s[2].startswith('.plt')}:
            text = run(['objdump', '-d', '--no-show-raw-insn', '-j', name, path])
            for m in re.finditer(r'^([0-9a-f]+) <(.*@plt)>:$', text, re.M):
                self.plt.append((int(m.group(1), 16), int(m.group(1), 16) + 16, {m.group(2)}))
        self.plt += self.ifunc_entries()
        self.plt.sort()

    def ifunc_entries(self):
        """PLT entries that objdump does not name: a static program's, each for an IFUNC. The entry
        jumps through a word, the word's relocation names a resolver, whose symbol is the function's."""
        resolvers = {}
        for m in re.finditer(r'^([0-9a-f]+) +\S+ R_X86_64_IRELATIVE? +([0-9a-f]+)$',
                             run(['readelf', '-rW', self.path]), re.M):
            resolvers[int(m.group(1), 16)] = int(m.group(2), 16)
        if not resolvers or not any(s[2] == '.plt' for s in self.sections):
            return []
        entries = []
        for m in re.finditer(r'^ *([0-9a-f]+):\s+(?:bnd )?jmp .*# ([0-9a-f]+) <',
                             run(['objdump', '-d', '--no-show-raw-insn', '-j', '.plt', self.path]), re.M):
            start, word = int(m.group(1), 16), int(m.group(2), 16)
            names = {name + '@plt' for at, _, name in self.functions if at == resolvers.get(word)}
            entries.append((start, start + 8, names))
        return entries

    def section_of(self, address):
        for start, end, name in self.sections:
            if start <= address < end:
                return name
        return None

    def functions_at(self, address):
        """Names of all symbols that cover an address."""
        i = bisect.bisect_right(self.starts, address)
        return [f[2] for f in self.functions[max(0, i - 200):i] if f[1] > address]

    def function_before(self, address):
        i = bisect.bisect_right(self.starts, address)
        return self.functions[i - 1][2] if i else None

    def plt_names(self, address):
        """What the entry that holds an address is called: what .plt has beside its entries (where
        objdump counts from the next one, "puts@plt-0x10") is .plt, as for perf; none where nobody
        says."""
        i = bisect.bisect_right(self.plt, (address + 1,)) - 1
        if i >= 0 and address < self.plt[i][1]:
            return self.plt[i][2]
        return {'.plt'} if self.section_of(address) == '.plt' else set()

    def draw(self, n, rng):
        """n distinct addresses, as the text above says; fewer where there is less code."""
        plts = [s for s in self.sections if s[2].startswith('.plt')]
        split = [f for f in self.functions if re.search(r'\.(cold|part|constprop|isra)\b', f[2])]
        kinds = [(6, plts), (14, split), (10, self.sections), (30, self.ranges), (40, self.functions)]
        kinds = [(weight, ranges) for weight, ranges in kinds if ranges]
        weights = [weight for weight, _ in kinds]
        drawn = set()
        for _ in range(n * 20):
            ranges = rng.choices(kinds, weights)[0][1]
            start, end, _ = rng.choice(ranges)
            if ranges in (self.sections, self.ranges):  # all bytes alike
                start, end, _ = rng.choices(ranges, [s[1] - s[0] for s in ranges])[0]
            drawn.add(rng.randrange(start, end))
            if len(drawn) == n:
                break
        addresses = sorted(drawn)
        rng.shuffle(addresses)
        return addresses


def frame(function, file, line):
    """What the three have in common: nothing known is None and 0, paths are normal."""
    unknown = (None, '', '??')
    return Frame(None if function in unknown or function.startswith('[') else function,
                 None if file in unknown else os.path.normpath(file), int(line))


def ask_egret(egret, path, addresses):
    text = '\n'.join('%x' % a for a in addresses)
    chains = []
    for line in run([egret, 'symbolize', '-C', 'no', '-e', path], text).splitlines():
        address, function, place = line.split('\t')
        if address:
            chains.append([])
        chains[-1].append(frame(function, *place.rsplit(':', 1)))
    return chains


def ask_llvm(path, addresses):
    command = ['llvm-symbolizer', '--no-demangle', '--inlines', '--functions=linkage',
               '--output-style=JSON', '--obj=' + path]
    text = '\n'.join('0x%x' % a for a in addresses)
    return [[frame(s['FunctionName'], s['FileName'], s['Line']) for s in json.loads(line)['Symbol']]
            for line in run(command, text).splitlines()]


def ask_binutils(path, addresses):
    chains = []
    text = '\n'.join('%x' % a for a in addresses)
    lines = run(['addr2line', '-a', '-f', '-i', '-e', path], text).splitlines()
    i = 0
    while i < len(lines):
        if re.match(r'0x[0-9a-f]{16}$', lines[i]):
            chains.append([])
            i += 1
            continue
        file, line = re.sub(r' \(discriminator \d+\)$', '', lines[i + 1]).rsplit(':', 1)
        chains[-1].append(frame(lines[i], file, line if line.isdigit() else 0))
        i += 2
    return chains


def text_of(chain):
    return '\n'.join('        %s %s:%d' % (f.function, f.file, f.line) for f in chain)


def compare(name, binary, addresses, answers, explain):
    """One row of counts; prints what nobody explains."""
    counts = collections.Counter()
    shown = 0
    for i, address in enumerate(addresses):
        got, llvm, binutils = (answers[who][i] for who in ('egret', 'llvm', 'binutils'))
        if got == llvm or got == binutils:
            counts['both' if llvm == binutils else 'llvm' if got == llvm else 'binutils'] += 1
            continue
        kind = explain(name, binary, address, got, llvm, binutils)
        counts['class ' + kind if kind else 'unexplained'] += 1
        if not kind and shown < 5:
            shown += 1
            print('%s: 0x%x in %s: %s\n  egret\n%s\n  llvm\n%s\n  binutils\n%s' % (
                name, address, binary.section_of(address), binary.functions_at(address), text_of(got),
                text_of(llvm), text_of(binutils)))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--egret', required=True)
    parser.add_argument('-n', type=int, default=1000, help='addresses of each file')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('files', nargs='+', metavar='NAME=PATH[,debug=FILE][,oracle=FILE]')
    options = parser.parse_args()

    for oracle in ('llvm-symbolizer', 'addr2line'):
        version = [line for line in run([oracle, '--version']).splitlines() if 'version' in line or 'Binutils' in line]
        print('oracle: %s: %s' % (oracle, version[0].strip()))
    print('classes of symbolize_expected.py:')
    for rule in symbolize_expected.CLASSES:
        print('  %s: %s' % (rule.__name__, ' '.join(rule.__doc__.split())))
    total = collections.Counter()
    failed = False
    for spec in options.files:
        name, path = spec.split('=', 1)
        path, *more = path.split(',')
        more = dict(item.split('=', 1) for item in more)
        oracle = more.get('oracle', path)
        if code_of(oracle) != code_of(path):
            sys.exit('%s: %s is not the same code' % (name, oracle))
        binary = Binary(oracle, more.get('debug'))
        addresses = binary.draw(options.n, random.Random('%d %s' % (options.seed, name)))
        answers = {
            'egret': ask_egret(options.egret, path, addresses),
            'llvm': ask_llvm(oracle, addresses),
            'binutils': ask_binutils(oracle, addresses),
        }
        for who, chains in answers.items():
            if len(chains) != len(addresses):
                sys.exit('%s: %s answered %d of %d addresses' % (name, who, len(chains), len(addresses)))
        lines = sum(1 for chain in answers['egret'] if chain[0].line)
        counts = compare(name, binary, addresses, answers, symbolize_expected.explain)
        deep = max(len(chain) for chain in answers['egret'])
        row = ['%s %d' % (kind, n) for kind, n in sorted(counts.items())]
        print('%-14s %d addresses, %d with a line, chains up to %d: %s' % (
            name, len(addresses), lines, deep, ', '.join(row)))
        total.update(counts)
        failed |= counts['unexplained'] > 0
        # That nothing differs is worth something only where there was something to compare.
        if lines * 4 < len(addresses) or (deep < 2 and name != 'fortran'):
            print('%s: too few addresses have lines, or no function is inlined' % name)
            failed = True
    print('%d files: %s' % (len(options.files), ', '.join('%s %d' % item for item in sorted(total.items()))))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
