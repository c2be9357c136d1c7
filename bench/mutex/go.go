// SPDX-License-Identifier: MIT
// Go's side of mutex.
package main

import (
	"sync"
	"time"
)

func pass(n, locks int) (int64, int) {
	var mutex sync.Mutex
	var all sync.WaitGroup
	counter, each := 0, locks/n
	begin := time.Now()
	all.Add(n)
	for t := 0; t < n; t++ {
		go func() {
			for i := 0; i < each; i++ {
				mutex.Lock()
				counter++
				mutex.Unlock()
			}
			all.Done()
		}()
	}
	all.Wait()
	ns := since(begin)
	check(counter == each*n, "a lock that does not exclude")
	return ns, counter
}

func main() {
	initBench()
	n, locks := param("TASKS"), param("LOCKS")
	pass(n, locks/10+n)
	ns, done := pass(n, locks)
	reportEach("plain", "ns/lock", ns, int64(done))
}
