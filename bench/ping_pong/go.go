// SPDX-License-Identifier: MIT
// Go's side of ping_pong.
package main

import "time"

func pass(there, back chan int, trips int) int64 {
	begin := time.Now()
	for i := 0; i < trips; i++ {
		there <- i
		check(<-back == i, "an answer")
	}
	return since(begin)
}

func main() {
	initBench()
	trips := param("TRIPS")
	there, back := make(chan int), make(chan int)
	go func() {
		for n := range there {
			back <- n
		}
	}()
	pass(there, back, trips/10+1)
	reportEach("plain", "ns/round_trip", pass(there, back, trips), int64(trips))
}
