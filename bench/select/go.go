// SPDX-License-Identifier: MIT
// Go's side of select.
package main

import "time"

func send(c chan int, each int) {
	for i := 1; i <= each; i++ {
		c <- i
	}
}

func pass(c []chan int, transfers int) (int64, int) {
	each, sum := transfers/4, 0
	begin := time.Now()
	for _, one := range c {
		go send(one, each)
	}
	for k := 0; k < each*4; k++ {
		n := 0
		select {
		case n = <-c[0]:
		case n = <-c[1]:
		case n = <-c[2]:
		case n = <-c[3]:
		}
		sum += n
	}
	ns := since(begin)
	check(sum == 4*(each*(each+1)/2), "sum of the messages")
	return ns, each * 4
}

func main() {
	initBench()
	check(param("CHANNELS") == 4, "another number of channels")
	c := []chan int{make(chan int), make(chan int), make(chan int), make(chan int)}
	pass(c, param("TRANSFERS")/10+4)
	ns, n := pass(c, param("TRANSFERS"))
	reportEach("plain", "ns/message", ns, int64(n))
}
