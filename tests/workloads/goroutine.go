// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause

// goroutine: 20 frames on a goroutine's stack, busy in the last; goroutine MS.
package main

import (
	"os"
	"strconv"
	"time"
)

var sink uint64

//go:noinline
func leaf(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for i := uint64(0); i < 3000000; i++ {
			sink += i
		}
	}
}

//go:noinline
func frame(n int, d time.Duration) {
	if n > 0 {
		frame(n-1, d)
	} else {
		leaf(d)
	}
	sink++
}

func work(d time.Duration, done chan bool) {
	frame(17, d) // goexit, work, 18 of these, leaf
	done <- true
}

func main() {
	ms := 700
	if len(os.Args) > 1 {
		ms, _ = strconv.Atoi(os.Args[1])
	}
	done := make(chan bool)
	go work(time.Duration(ms)*time.Millisecond, done)
	<-done
}
