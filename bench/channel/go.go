// SPDX-License-Identifier: MIT
// Go's side of channel.
package main

import (
	"sync"
	"time"
)

func pass(senders, receivers, transfers int) (int64, int) {
	var sending, receiving sync.WaitGroup
	c := make(chan int, param("BUFFER"))
	sums := make(chan int, receivers)
	each := transfers / senders
	begin := time.Now()
	receiving.Add(receivers)
	for r := 0; r < receivers; r++ {
		go func() {
			sum := 0
			for n := range c {
				sum += n
			}
			sums <- sum
			receiving.Done()
		}()
	}
	sending.Add(senders)
	for s := 0; s < senders; s++ {
		go func() {
			for i := 1; i <= each; i++ {
				c <- i
			}
			sending.Done()
		}()
	}
	sending.Wait()
	close(c)
	receiving.Wait()
	ns := since(begin)
	sum := 0
	for r := 0; r < receivers; r++ {
		sum += <-sums
	}
	check(sum == senders*(each*(each+1)/2), "sum of the messages")
	return ns, each * senders
}

func main() {
	initBench()
	senders, receivers, transfers := param("SENDERS"), param("RECEIVERS"), param("TRANSFERS")
	pass(senders, receivers, transfers/10+senders)
	ns, n := pass(senders, receivers, transfers)
	reportEach("plain", "ns/message", ns, int64(n))
}
