/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * reasons.h - every way a capture and a stack can end.
 *
 * Shared by the BPF programs and user space. A sample has exactly one capture ending and
 * exactly one unwind ending, and the histograms of both sum to the number of samples.
 * Numbers are written into recordings and are never reused: append, do not renumber.
 */
#ifndef EGRET_REASONS_H
#define EGRET_REASONS_H

/*
 * Capture endings: X(number, IDENTIFIER, "name", "what it means", "what to do about it").
 * An empty fix means that there is nothing to do.
 */
#define EGRET_CAPTURE_ENDINGS(X)                                                                   \
	X(0, WHOLE, "whole", "all bytes of the stack were read", "")                               \
	X(1, LIMIT, "stack-limit", "the stack is larger than the limit", "raise --stack-limit")    \
	X(2, NOT_RESIDENT, "not-resident", "a page was not in memory and could not be waited for", \
	  "use --fault=safe and a capture backend that defers (see egret doctor)")                 \
	X(3, FAULT_POLICY, "fault-policy",                                                         \
	  "a page belongs to userfaultfd, FUSE or a network file", "use --fault=any")              \
	X(4, PAGES_VANISHED, "pages-vanished", "pages were evicted again while they were read",    \
	  "the machine is short of memory")                                                        \
	X(5, BAD_ADDRESS, "bad-address", "a page of the stack cannot be read at all", "")          \
	X(6, NO_STACK, "no-stack", "the stack pointer is in no mapping", "")                       \
	X(7, EXEC, "exec", "the thread called execve before it returned to user mode", "")         \
	X(8, EXITED, "exited", "the thread died before it returned to user mode", "")              \
	X(9, KERNEL_THREAD, "kernel-thread", "a kernel thread has no user stack", "")              \
	X(10, USER_WORKER, "user-worker", "an io_uring or vhost worker has no user stack", "")     \
	X(11, COMPAT, "compat", "a 32-bit program; egret unwinds 64-bit stacks", "")               \
	X(12, ASLEEP_UNREADABLE, "asleep-unreadable",                                              \
	  "the thread slept in the kernel at the end, and its stack could not be read", "")        \
	X(13, RING_FULL, "ring-full", "the capture buffer was full", "raise --buffer")             \
	X(14, TABLE_FULL, "table-full", "the table of threads was full", "raise --max-threads")    \
	X(15, REQUEST_FAILED, "request-failed", "the kernel refused to defer the capture", "")     \
	X(16, NOT_WANTED, "not-wanted", "only kernel stacks were asked for", "")                   \
	X(17, MOVED, "moved", "the thread's registers changed between sample and capture", "")     \
	X(18, LOST, "lost", "the capture was dropped on its way to user space", "raise --buffer")  \
	X(19, STOPPED, "stopped", "the recording ended before the thread returned", "")            \
	X(20, NO_REGS, "no-regs", "the interrupt hit where user registers are not known",          \
	  "use a capture backend that defers (see egret doctor)")                                  \
	X(21, FAULT_TIMEOUT, "fault-timeout", "a page of --fault=any did not come in time", "")    \
	X(22, IDLE, "idle", "the idle task has no user stack", "")                                 \
	X(23, LOCKED, "locked",                                                                    \
	  "the address space was locked, so that no page could be asked for", "")                  \
	X(24, IMPORTED, "imported", "another profiler found the stack; it kept no copy of it", "") \
	X(25, PERF_COPY, "perf-copy",                                                              \
	  "perf's copy of the stack ended at its top, or at a page that was not in memory", "")

/* Unwind endings. Only ROOT is a complete stack. */
#define EGRET_UNWIND_ENDINGS(X)                                                                    \
	X(0, ROOT, "root", "the outermost frame was reached, as its CFI says", "")                 \
	X(1, NO_CAPTURE, "no-capture", "there were no bytes to unwind: see the capture ending",    \
	  "")                                                                                      \
	X(2, NO_CFI, "no-cfi", "code without CFI, and no sane frame pointer", "")                  \
	X(3, BAD_CFI, "bad-cfi", "CFI that cannot be evaluated", "")                               \
	X(4, TRUNCATED, "truncated", "the next frame lies beyond the bytes captured",              \
	  "raise --stack-limit")                                                                   \
	X(5, HOLE, "hole", "the next frame lies in a page that could not be read", "")             \
	X(6, NO_MODULE, "no-module", "the return address is in no mapping", "")                    \
	X(7, NO_PROGRESS, "no-progress", "the next frame is not above this one", "")               \
	X(8, FRAME_LIMIT, "frame-limit", "more frames than --max-frames", "raise --max-frames")    \
	X(9, COMPAT, "compat", "a 32-bit program; egret unwinds 64-bit stacks", "")                \
	X(10, NOT_USER, "not-user", "the sample has no user part", "")                             \
	X(11, FRAME_POINTER_END, "fp-end", "the frame pointer chain ended before a known root",    \
	  "")                                                                                      \
	X(12, IMPORTED, "imported", "the stack is as another profiler found it, whole or not", "")

#define EGRET_REASON_ENUM(num, id, name, text, fix) EGRET_CAPTURE_##id = num,
enum egret_capture_end { EGRET_CAPTURE_ENDINGS(EGRET_REASON_ENUM) EGRET_CAPTURE_NR };
#undef EGRET_REASON_ENUM
#define EGRET_REASON_ENUM(num, id, name, text, fix) EGRET_UNWIND_##id = num,
enum egret_unwind_end { EGRET_UNWIND_ENDINGS(EGRET_REASON_ENUM) EGRET_UNWIND_NR };
#undef EGRET_REASON_ENUM

#endif /* EGRET_REASONS_H */
