// SPDX-License-Identifier: MIT
// Go's side of yield_many: goroutines that call Gosched.
package main

import (
	"runtime"
	"sync"
	"time"
)

func pass(n, each int) int64 {
	var all sync.WaitGroup
	all.Add(n)
	begin := time.Now()
	for i := 0; i < n; i++ {
		go func() {
			for k := 0; k < each; k++ {
				runtime.Gosched()
			}
			all.Done()
		}()
	}
	all.Wait()
	return since(begin)
}

func main() {
	initBench()
	n, each := param("TASKS"), param("YIELDS")
	pass(n, each/10+1)
	reportEach("plain", "ns/yield", pass(n, each), int64(n*each))
}
