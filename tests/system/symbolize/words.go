// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The Go program of symbolize_differential.sh.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

type shape interface{ area() float64 }
type square struct{ side float64 }
type ring struct{ r float64 }

func (s square) area() float64 { return s.side * s.side }
func (r *ring) area() float64  { return 3.14159 * r.r * r.r }

func count(text string) map[string]int {
	counts := map[string]int{}
	for _, word := range strings.Fields(text) {
		counts[strings.ToLower(strings.TrimFunc(word, func(c rune) bool { return c == '.' }))]++
	}
	return counts
}

func largest[T any](items []T, less func(a, b T) bool) (best T) {
	for i, item := range items {
		if i == 0 || less(best, item) {
			best = item
		}
	}
	return
}

func main() {
	counts := count(strings.Join(os.Args, " "))
	words := make([]string, 0, len(counts))
	for word := range counts {
		words = append(words, word)
	}
	sort.Slice(words, func(i, j int) bool { return counts[words[i]] > counts[words[j]] })
	fmt.Println(words, largest(words, func(a, b string) bool { return len(a) < len(b) }))
	for _, s := range []shape{square{2}, &ring{float64(len(words))}} {
		fmt.Println(s.area())
	}
}
