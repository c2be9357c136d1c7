// SPDX-License-Identifier: MIT
// Go's side of spawn_join: a goroutine whose result comes by a channel of its own.
package main

import "time"

func pass(n int) int64 {
	sum := 0
	begin := time.Now()
	for i := 0; i < n; i++ {
		result := make(chan int, 1)
		go func(i int) { result <- i }(i)
		sum += <-result
	}
	ns := since(begin)
	check(sum == n*(n-1)/2, "sum of results")
	return ns
}

func main() {
	initBench()
	n := param("TASKS")
	pass(n/10 + 1)
	reportEach("plain", "ns/task", pass(n), int64(n))
}
