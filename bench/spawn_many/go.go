// SPDX-License-Identifier: MIT
// Go's side of spawn_many: goroutines that leave their result in a slice, and a WaitGroup.
package main

import (
	"sync"
	"time"
)

func pass(results []int) int64 {
	var all sync.WaitGroup
	sum := 0
	begin := time.Now()
	all.Add(len(results))
	for i := range results {
		go func(i int) {
			results[i] = i
			all.Done()
		}(i)
	}
	all.Wait()
	for _, n := range results {
		sum += n
	}
	ns := since(begin)
	check(sum == len(results)*(len(results)-1)/2, "sum of results")
	return ns
}

func main() {
	initBench()
	rounds := param("ROUNDS")
	results := make([]int, param("TASKS"))
	pass(results)
	ns := int64(0)
	for i := 0; i < rounds; i++ {
		ns += pass(results)
	}
	reportEach("plain", "ns/task", ns, int64(len(results)*rounds))
}
