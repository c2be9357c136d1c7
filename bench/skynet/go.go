// SPDX-License-Identifier: MIT
// Go's side of skynet.
package main

import "time"

func sky(result chan int, first, leaves, fanout int) {
	if leaves == 1 {
		result <- first
		return
	}
	parts := make(chan int, fanout)
	sum := 0
	for i := 0; i < fanout; i++ {
		go sky(parts, first+i*(leaves/fanout), leaves/fanout, fanout)
	}
	for i := 0; i < fanout; i++ {
		sum += <-parts
	}
	result <- sum
}

func pass(leaves, fanout int) int64 {
	result := make(chan int, 1)
	begin := time.Now()
	go sky(result, 0, leaves, fanout)
	sum := <-result
	ns := since(begin)
	check(sum == leaves*(leaves-1)/2, "sum of the leaves")
	return ns
}

func main() {
	initBench()
	fanout, leaves := param("FANOUT"), 1
	for i := 0; i < param("DEPTH"); i++ {
		leaves *= fanout
	}
	pass(leaves, fanout)
	reportEach("plain", "ms", pass(leaves, fanout), 1000000)
}
