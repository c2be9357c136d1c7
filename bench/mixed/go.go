// SPDX-License-Identifier: MIT
// Go's side of mixed.
package main

import (
	"runtime"
	"time"
)

func main() {
	initBench()
	hog := time.Duration(param("HOG_MS")) * time.Millisecond
	tick := time.Duration(param("TICK_US")) * time.Microsecond
	late := make([]int64, param("TICKS"))
	go func() {
		for {
			for end := time.Now().Add(hog); time.Now().Before(end); {
			}
			runtime.Gosched()
		}
	}()
	for i := range late {
		due := time.Now().Add(tick)
		time.Sleep(time.Until(due))
		late[i] = since(due)
	}
	reportSpread("late", late)
}
