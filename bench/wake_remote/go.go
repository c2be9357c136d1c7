// SPDX-License-Identifier: MIT
// Go's side of wake_remote: the waker is a goroutine with a thread to itself, as near as Go has it.
package main

import (
	"runtime"
	"syscall"
	"time"
)

func main() {
	initBench()
	wakes, gap := param("WAKES"), syscall.Timespec{Nsec: int64(param("GAP_US")) * 1000}
	wake, answer := make(chan bool, 1), make(chan bool, 1)
	late := make([]int64, wakes)
	var begin time.Time
	go func() {
		runtime.LockOSThread()
		for i := 0; i < wakes; i++ {
			syscall.Nanosleep(&gap, nil)
			begin = time.Now()
			wake <- true
			<-answer
		}
	}()
	for i := range late {
		<-wake
		late[i] = since(begin)
		answer <- true
	}
	reportSpread("wake", late)
}
