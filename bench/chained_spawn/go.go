// SPDX-License-Identifier: MIT
// Go's side of chained_spawn.
package main

import "time"

var ran int // one link runs at a time, each after the one before

func link(left int, ended chan struct{}) {
	ran++
	if left == 0 {
		close(ended)
		return
	}
	go link(left-1, ended)
}

func pass(n int) int64 {
	ended := make(chan struct{})
	ran = 0
	begin := time.Now()
	go link(n-1, ended)
	<-ended
	ns := since(begin)
	check(ran == n, "a link is missing")
	return ns
}

func main() {
	initBench()
	n := param("CHAIN")
	pass(n/10 + 1)
	reportEach("plain", "ns/task", pass(n), int64(n))
}
