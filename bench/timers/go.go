// SPDX-License-Identifier: MIT
// Go's side of timers: goroutines that sleep until their deadline.
package main

import (
	"sync"
	"time"
)

func main() {
	initBench()
	var all sync.WaitGroup
	n := param("TASKS")
	spread := time.Duration(param("SPREAD_MS")) * time.Millisecond
	late := make([]int64, n)
	first := time.Now().Add(time.Duration(param("LEAD_MS")) * time.Millisecond)
	all.Add(n)
	for i := range late {
		go func(i int) {
			due := first.Add(time.Duration(i) * spread / time.Duration(n))
			time.Sleep(time.Until(due))
			late[i] = since(due)
			all.Done()
		}(i)
	}
	check(time.Now().Before(first), "LEAD_MS is too short to make them all")
	all.Wait()
	cpu := cpuNs()
	for _, ns := range late {
		check(ns >= 0, "a timer was early")
	}
	reportSpread("late", late)
	reportEach("cpu", "s", cpu, 1000000000)
}
