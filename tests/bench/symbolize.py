#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""How long symbols take: egret symbolize beside llvm-symbolizer and both addr2line.

Each tool is given the same distinct random code addresses of the same file on its standard input, and
is to name the function, the inlined callers and the lines of each, demangled. egret is run twice: cold,
with an empty cache that it fills, and with the cache that it has filled. Times are the least of several
runs; RssAnon is polled, and its peak is over all runs.
"""
import argparse
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, '..', 'system', 'symbolize')
KERNEL_META = 'linux-image-amd64-dbg'


def text_of(command, **how):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, universal_newlines=True,
                          errors='replace', **how).stdout


# ---- what is asked about -------------------------------------------------------------------------

def make_program(out):
    """A C++ program with -g, of 5 MB: one program in as many namespaces as it takes."""
    path = os.path.join(out, 'program')
    if os.path.exists(path):
        return path
    os.makedirs(out, exist_ok=True)
    print('building a C++ program of 5 MB in %s' % out, flush=True)
    objects = []
    for i in range(9):
        for name in ('words', 'longest'):
            objects.append(os.path.join(out, '%s%d.o' % (name, i)))
            text_of(['g++', '-std=c++17', '-O2', '-g', '-Dwords=words_%d' % i, '-Dmain=main_%d' % i, '-c',
                     os.path.join(SOURCES, name + '.cpp'), '-o', objects[-1]])
    calls = ''.join('int main_%d(int, char **);' % i for i in range(9))
    body = ' + '.join('main_%d(n, v)' % i for i in range(9))
    text_of(['g++', '-x', 'c++', '-', '-x', 'none', '-o', path] + objects,
            input='%s int main(int n, char **v) { return %s; }' % (calls, body))
    return path


def libc():
    """The C library, and its debug file of Debian's libc6-dbg, which holds the symbols."""
    path = '/lib/x86_64-linux-gnu/libc.so.6'
    m = re.search(r'Build ID: ([0-9a-f]+)', text_of(['readelf', '-n', path]))
    debug = '/usr/lib/debug/.build-id/%s/%s.debug' % (m.group(1)[:2], m.group(1)[2:])
    if not os.path.exists(debug):
        sys.exit('symbolize.py: there is no %s: install libc6-dbg' % debug)
    return path, debug


def fetch_kernel(out):
    """vmlinux with DWARF, from the package that Debian's kernel has for it; unpacked, not installed."""
    depends = text_of(['apt-cache', 'depends', KERNEL_META])
    package = re.search(r'Depends: (linux-image-\S+-dbg)', depends).group(1)
    directory = os.path.join(out, package)
    if not os.path.isdir(directory):
        os.makedirs(directory + '.part', exist_ok=True)
        size = re.search(r'^Size: (\d+)', text_of(['apt-cache', 'show', package]), re.M)
        print('downloading %s (%d MB) into %s' % (package, int(size.group(1)) >> 20, out), flush=True)
        text_of(['apt-get', '-q', 'download', package], cwd=directory + '.part')
        for name in os.listdir(directory + '.part'):
            if name.endswith('.deb'):
                deb = os.path.join(directory + '.part', name)
                unpack_vmlinux(deb, directory + '.part')
                os.unlink(deb)
        os.rename(directory + '.part', directory)
    boot = os.path.join(directory, 'usr/lib/debug/boot')
    return os.path.join(boot, os.listdir(boot)[0])


def unpack_vmlinux(deb, directory):
    """Only vmlinux: the debug files of the modules are ten times as large."""
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', deb], stdout=subprocess.PIPE) as package:
        subprocess.run(['tar', '-x', '-C', directory, '--wildcards', './usr/lib/debug/boot/vmlinux*'],
                       stdin=package.stdout, check=True)


def draw(path, n):
    """Distinct addresses in functions, every byte of code as likely as any other."""
    functions = []
    for line in text_of(['nm', '-S', '--defined-only', path], stderr=subprocess.DEVNULL).splitlines():
        field = line.split()
        if len(field) == 4 and field[2] in 'tTwW' and int(field[1], 16):
            functions.append((int(field[0], 16), int(field[1], 16)))
    functions = sorted(set(functions))
    rng = random.Random('%d' % n)
    picked = set()
    weights = []
    total = 0
    for _, size in functions:
        total += size
        weights.append(total)
    while len(picked) < min(n, total * 3 // 4):
        start, size = rng.choices(functions, cum_weights=weights)[0]
        picked.add(start + rng.randrange(size))
    addresses = list(picked)
    addresses.sort()
    rng.shuffle(addresses)
    return addresses


# ---- running -------------------------------------------------------------------------------------

class Run:
    """One run of a tool: its times, its memory, what it printed."""

    def __init__(self, command, addresses, output, timeout):
        self.anon = 0
        with open(addresses, 'rb') as source, open(output, 'wb') as sink:
            begin = time.monotonic()
            child = subprocess.Popen(command, stdin=source, stdout=sink, stderr=subprocess.DEVNULL)
            self.poll = threading.Thread(target=self.watch, args=(child.pid,))
            self.ended = False
            self.poll.start()
            killer = threading.Timer(timeout, child.kill)
            killer.start()
            _, status, usage = os.wait4(child.pid, 0)
            self.wall = time.monotonic() - begin
            child.returncode = os.waitstatus_to_exitcode(status)
            killer.cancel()
            self.ended = True
            self.poll.join()
        # Of both, the sum is exact, the parts are estimates by ticks.
        self.cpu = usage.ru_utime + usage.ru_stime
        self.timed_out = child.returncode == -9
        if child.returncode and not self.timed_out:
            sys.exit('symbolize.py: %s: exit status %d' % (' '.join(command), child.returncode))

    def watch(self, pid):
        try:
            with open('/proc/%d/status' % pid) as status:
                while not self.ended:
                    status.seek(0)
                    m = re.search(r'RssAnon:\s*(\d+) kB', status.read())
                    self.anon = max(self.anon, int(m.group(1)) << 10 if m else 0)
                    time.sleep(0.002)
        except OSError:
            pass


class Result:
    """The best of several runs of one tool."""

    def __init__(self, name, runs, n_lines):
        self.name = name
        self.cpu = min(run.cpu for run in runs)
        self.wall = min(run.wall for run in runs)
        self.anon = max(run.anon for run in runs)
        self.timed_out = any(run.timed_out for run in runs)
        self.n_lines = n_lines


def count_lines(output):
    """Frames that have a line."""
    line = re.compile(rb':[1-9][0-9]*(:[0-9]+)?( \(discriminator [0-9]+\))?$')
    with open(output, 'rb') as text:
        return sum(1 for row in text if line.search(row.rstrip()))


def measure(name, command, addresses, options, prepare=None, rounds=1):
    """The first run's output is kept, for a look at it; the others' is not, so that writing it is no
    part of what is measured."""
    output = os.path.join(options.out, 'output.' + re.sub('[^a-z0-9-]', '', name))
    runs = []
    for i in range(1 + rounds * options.rounds):
        if prepare:
            prepare()
        runs.append(Run(command, addresses, '/dev/null' if i else output, options.timeout))
        if runs[-1].timed_out or runs[-1].wall > 20:
            break
    return Result(name, runs, count_lines(output))


def instructions(command, addresses, out):
    """What callgrind counts."""
    log = os.path.join(out, 'callgrind')
    with open(addresses, 'rb') as source:
        subprocess.run(['valgrind', '--tool=callgrind', '--callgrind-out-file=' + log] + command,
                       stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with open(log) as text:
        return int(re.search(r'^(?:totals|summary): (\d+)', text.read(), re.M).group(1))


def bench_file(options, title, path, symbols, n):
    """All tools on n addresses of a file; Results, egret's first."""
    out = options.out
    cache = os.path.join(out, 'cache')
    found = draw(symbols, n)
    addresses = os.path.join(out, 'addresses')
    with open(addresses, 'w') as text:
        text.write(''.join('0x%x\n' % a for a in found))
    print('%s: %d addresses' % (title, len(found)), flush=True)
    egret = [options.egret, 'symbolize', '--cache-dir=' + cache, '-e', path]
    results = [
        measure('egret, cold', egret, addresses, options,
                prepare=lambda: shutil.rmtree(cache, ignore_errors=True)),
        measure('egret, cached', egret, addresses, options, rounds=3),
    ]
    if options.instructions:
        count = instructions(egret, addresses, out)
        print('  from the cache: %.1f M instructions, %d an address' % (count / 1e6, count / len(found)))
        shutil.rmtree(cache)
        count = instructions(egret, addresses, out)
        print('  cold: %.1f M instructions, %d an address' % (count / 1e6, count / len(found)))
    others = [('llvm-symbolizer', ['llvm-symbolizer', '-i', '-f', '--output-style=GNU', '--obj=' + path]),
              ('addr2line', ['addr2line', '-a', '-i', '-f', '-C', '-e', path])]
    if n <= 1000:
        others.append(('eu-addr2line', ['eu-addr2line', '-i', '-f', '-C', '-e', path]))
    for name, command in others:
        if shutil.which(command[0]):
            results.append(measure(name, command, addresses, options))
        print('  %s: %.2f s of CPU' % (name, results[-1].cpu), flush=True)
    return len(found), results


# ---- the table -----------------------------------------------------------------------------------

def seconds(value):
    return '%.1f ms' % (value * 1e3) if value < 0.1 else '%.0f ms' % (value * 1e3) if value < 1 else '%.2f s' % value


def rows_of(title, n, results):
    reference = next((r for r in results if r.name == 'llvm-symbolizer'), None)
    for i, r in enumerate(results):
        more = '> ' if r.timed_out else ''
        ratio = faster = '-'
        if reference and r is not reference and not r.timed_out:
            least = '> ' if reference.timed_out else ''
            ratio = '%s%.3gx' % (least, reference.cpu / r.cpu)
            faster = '%s%.3gx' % (least, reference.wall / r.wall)
        yield ('| %s | %s | %s | %s | %s | %s | %s | %.0f MB | %s |' % (
            title if not i else '', format(n, ',') if not i else '', r.name, more + seconds(r.cpu),
            more + seconds(r.wall), ratio, faster, r.anon / 1e6, '-' if r.timed_out else format(r.n_lines, ',')))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--egret', required=True)
    parser.add_argument('--out', required=True, help='directory for all that is made')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--timeout', type=float, default=300, help='seconds that one run may take (300)')
    parser.add_argument('--vmlinux', help='a kernel with DWARF, to ask about too')
    parser.add_argument('--kernel', action='store_true', help='the same, from the package of Debian that '
                        '%s depends on: downloads about 900 MB' % KERNEL_META)
    parser.add_argument('--counts', default='1000,100000', help='addresses (1000,100000)')
    parser.add_argument('--files', default='program,libc,vmlinux', help='which of the files')
    parser.add_argument('--instructions', action='store_true', help='count those of egret with callgrind')
    options = parser.parse_args()

    os.makedirs(options.out, exist_ok=True)
    wanted = options.files.split(',')
    files = []
    if 'program' in wanted:
        program = make_program(os.path.join(options.out, 'program'))
        files.append(('C++ program, %.1f MB' % (os.path.getsize(program) / 1e6), program, program))
    if 'libc' in wanted:
        files.append(('libc.so.6 with libc6-dbg',) + libc())
    if options.kernel and not options.vmlinux:
        options.vmlinux = fetch_kernel(options.out)
    if options.vmlinux and 'vmlinux' in wanted:
        files.append(('vmlinux, %.0f MB' % (os.path.getsize(options.vmlinux) / 1e6), options.vmlinux,
                      options.vmlinux))

    lines = []
    for title, path, symbols in files:
        for n in options.counts.split(','):
            found, results = bench_file(options, title, path, symbols, int(n))
            lines += rows_of(title, found, results)
    versions = [text_of([tool, '--version']).strip() for tool in ('llvm-symbolizer', 'addr2line', 'eu-addr2line')
                if shutil.which(tool)]
    version = ', '.join(re.search(r'.*(LLVM version|Binutils|elfutils)[^\n]*', v).group(0).strip() for v in versions)
    table = ['%s; %s; load average %.1f' % (text_of([options.egret, '--version']).strip(), version, os.getloadavg()[0]),
             '', '| file | addresses | tool | CPU | wall | llvm-symbolizer: CPU | wall | RssAnon | frames with a line |',
             '| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |'] + lines
    print('\n' + '\n'.join(table))
    with open(os.path.join(options.out, 'symbolize.md'), 'w') as text:
        text.write('\n'.join(table) + '\n')
    shutil.rmtree(os.path.join(options.out, 'cache'), ignore_errors=True)
    return 0


if __name__ == '__main__':
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
