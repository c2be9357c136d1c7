// SPDX-License-Identifier: MIT
// Go's side of memory: goroutines wait for a channel to be closed.
package main

import (
	"sync"
	"time"
)

// base is the memory before the first: a pass uses what the one before it left, too.
func pass(size string, n int, base int64) {
	var ready, done sync.WaitGroup
	release := make(chan struct{})
	begin := time.Now()
	ready.Add(n)
	done.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			ready.Done()
			<-release
			done.Done()
		}()
	}
	ready.Wait()
	created, bytes := since(begin), memoryBytes()-base
	cpu, asleep := cpuNs(), time.Now()
	time.Sleep(time.Duration(param("ASLEEP_MS")) * time.Millisecond)
	cpu = cpuNs() - cpu
	slept, wake := since(asleep), time.Now()
	close(release)
	done.Wait()
	woken := since(wake)
	reportEach(size+"_bytes", "B/task", bytes, int64(n))
	reportEach(size+"_create", "ns/task", created, int64(n))
	reportEach(size+"_wake", "ns/task", woken, int64(n))
	reportEach(size+"_cpu", "%", 100*cpu, slept)
}

func main() {
	initBench()
	base := memoryBytes()
	if few := param("FEW"); few > 0 {
		pass("few", few, base)
	}
	if many := param("MANY"); many > 0 {
		pass("many", many, base)
	}
}
