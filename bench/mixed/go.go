// SPDX-License-Identifier: MIT
// Go's side of mixed.
package main

import (
	"runtime"
	"sync"
	"time"
)

func main() {
	initBench()
	hog := time.Duration(param("HOG_MS")) * time.Millisecond
	tick := time.Duration(param("TICK_US")) * time.Microsecond
	tickers, ticks := param("TICKERS"), param("TICKS")
	late := make([]int64, tickers*ticks)
	go func() {
		for {
			for end := time.Now().Add(hog); time.Now().Before(end); {
			}
			runtime.Gosched()
		}
	}()
	var all sync.WaitGroup
	for t := 0; t < tickers; t++ {
		mine := late[t*ticks : (t+1)*ticks]
		all.Add(1)
		go func() {
			for i := range mine {
				due := time.Now().Add(tick)
				time.Sleep(time.Until(due))
				mine[i] = since(due)
			}
			all.Done()
		}()
	}
	all.Wait()
	reportSpread("late", late)
}
