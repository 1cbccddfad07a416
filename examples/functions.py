#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""functions.py SECONDS [PID] - the functions that ran, of a process or the whole system, by ctypes.

Nothing is compiled: structs are those of egret.h, as far as they are used. A struct of options may be
shorter than the library's, which takes what is missing for zero: `size` says how long it is.
"""

import collections
import ctypes
import sys
import time

egret = ctypes.CDLL("libegret.so.0")


class Error(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char * 1024)]


class SessionOpts(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("scope", ctypes.c_int),
        ("pids", ctypes.POINTER(ctypes.c_int)),
        ("n_pids", ctypes.c_size_t),
        ("cgroup", ctypes.c_char_p),
        ("events", ctypes.POINTER(ctypes.c_char_p)),
        ("n_events", ctypes.c_size_t),
        ("frequency", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
        ("exclude_user", ctypes.c_bool),
        ("exclude_kernel", ctypes.c_bool),
        ("include_idle", ctypes.c_bool),
        ("keep_profile", ctypes.c_bool),
    ]


class Frame(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("module", ctypes.c_char_p),
        ("file", ctypes.c_char_p),
        ("offset", ctypes.c_uint64),
        ("line", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("why", ctypes.c_uint32),
    ]


class Stack(ctypes.Structure):
    _fields_ = [
        ("thread", ctypes.c_void_p),
        ("frames", ctypes.POINTER(ctypes.POINTER(Frame))),
        ("n_frames", ctypes.c_size_t),
        ("samples", ctypes.c_uint64),
    ]


PROCESS, SYSTEM = 0, 2
StackFn = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stack), ctypes.c_void_p)
egret.egret_session__destroy.argtypes = egret.egret_profile__destroy.argtypes = [ctypes.c_void_p]
egret.egret_session__destroy.restype = egret.egret_profile__destroy.restype = None
egret.egret_profile__each_stack.argtypes = [ctypes.c_void_p, StackFn, ctypes.c_void_p]


def call(function, *arguments):
    """Calls a function that returns -errno, and writes a sentence to its last argument."""
    error = Error()
    result = function(*arguments, ctypes.byref(error))
    if result < 0:
        raise OSError(-result, error.text.decode())
    return result


def sample(seconds, pid):
    """The samples of each function, while it ran itself."""
    opts = SessionOpts(size=ctypes.sizeof(SessionOpts), scope=PROCESS if pid else SYSTEM, frequency=499,
                       keep_profile=True)
    if pid:
        opts.pids, opts.n_pids = (ctypes.c_int * 1)(pid), 1
    session, profile = ctypes.c_void_p(), ctypes.c_void_p()
    functions = collections.Counter()

    def add(stack, _):
        if stack[0].n_frames:
            functions[stack[0].frames[0][0].name.decode(errors="replace")] += stack[0].samples
        return 0

    call(egret.egret_session__open, ctypes.byref(opts), ctypes.byref(session))
    try:
        call(egret.egret_session__start, session)
        end = time.monotonic() + seconds
        while time.monotonic() < end and call(egret.egret_session__poll, session, 100):
            pass
        call(egret.egret_session__stop, session)
        call(egret.egret_session__profile, session, ctypes.byref(profile))
        egret.egret_profile__each_stack(profile, StackFn(add), None)
    finally:
        egret.egret_profile__destroy(profile)
        egret.egret_session__destroy(session)
    return functions


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.splitlines()[0])
    try:
        functions = sample(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    except OSError as error:
        sys.exit(error.strerror)
    print(functions.total(), "samples")
    for name, samples in functions.most_common(10):
        print(f"{100 * samples / functions.total():5.1f}% {name}")


if __name__ == "__main__":
    main()
