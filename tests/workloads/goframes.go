// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause

// goframes: prints its own stack from a few places, as the runtime tells it: for each program
// counter a line "pc 0x...", then the functions inlined there, innermost first, and the one that
// they are inlined into, as "function file:line".
// goframes MS: is busy for so many milliseconds, in functions that are inlined and one that is not.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"syscall"
)

var sink int

// report is not inlined, but all that call it are.
//
//go:noinline
func report() {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	inlined := false
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if !inlined {
			fmt.Printf("pc 0x%x\n", f.PC)
		}
		fmt.Printf("%s %s:%d\n", f.Function, f.File, f.Line)
		inlined = f.Func == nil
	}
}

func innermost() {
	report()
}

func middle() {
	sink++
	innermost()
}

type number int

func (n number) method() {
	middle()
	middle()
}

//go:noinline
func outer(n number) {
	n.method()
}

func generic[T any](values []T, f func(T)) {
	for _, v := range values {
		f(v)
	}
}

func mix(a, b int) int { return a*31 ^ b }

//go:noinline
func busyWork(turns int) int {
	s := 1
	for i := 0; i < turns; i++ {
		s = mix(s, i)
	}
	return s
}

func cpuTime() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func main() {
	if len(os.Args) > 1 {
		ms, _ := strconv.Atoi(os.Args[1])
		for end := cpuTime() + int64(ms)*1000000; cpuTime() < end; {
			sink += busyWork(1000000)
		}
		return
	}
	outer(3)
	generic([]string{"x"}, func(string) { middle() })
	sort.Slice([]int{2, 1}, func(i, j int) bool { middle(); return i < j })
	func() {
		defer func() { recover(); innermost() }()
		panic("to be caught")
	}()
}
