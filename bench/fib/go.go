// SPDX-License-Identifier: MIT
// Go's side of fib: a goroutine for each call.
package main

import "time"

func fib(n int, result chan int) {
	if n < 2 {
		result <- n
		return
	}
	parts := make(chan int, 2)
	go fib(n-1, parts)
	go fib(n-2, parts)
	result <- <-parts + <-parts
}

func pass(n int) int64 {
	a, b := 0, 1
	for i := 0; i < n; i++ {
		a, b = b, a+b
	}
	result := make(chan int, 1)
	begin := time.Now()
	go fib(n, result)
	value := <-result
	ns := since(begin)
	check(value == a, "fib")
	return ns
}

func main() {
	initBench()
	n := param("N")
	if n > 20 {
		pass(n - 4)
	}
	reportEach("plain", "ms", pass(n), 1000000)
}
