// SPDX-License-Identifier: MIT
// Locks and channels, Go's side; rove.c describes the workloads.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

var config = map[string]int{}

func readConfig(path string) {
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 3 && words[0] == "#define" {
			config[words[1]], _ = strconv.Atoi(words[2])
		}
	}
}

var sink uint32

//go:noinline
func store(i uint32) { sink = i }

func work(turns int) {
	for i := 0; i < turns; i++ {
		store(uint32(i))
	}
}

func locks(tasks int, hasWork bool) int {
	var mutex sync.Mutex
	var all sync.WaitGroup
	each, turns, counter := config["LOCKS"]/tasks, config["WORK_TURNS"], 0
	for t := 0; t < tasks; t++ {
		all.Add(1)
		go func() {
			for i := 0; i < each; i++ {
				mutex.Lock()
				counter++
				mutex.Unlock()
				if hasWork {
					work(turns)
				}
			}
			all.Done()
		}()
	}
	all.Wait()
	if counter != each*tasks {
		panic("a lock that does not exclude")
	}
	return counter
}

func transfer(senders, receivers, buffer int) int {
	there := make(chan int, buffer)
	var sent, got sync.WaitGroup
	each := config["TRANSFERS"] / senders
	for r := 0; r < receivers; r++ {
		got.Add(1)
		go func() {
			for range there {
			}
			got.Done()
		}()
	}
	for s := 0; s < senders; s++ {
		sent.Add(1)
		go func() {
			for i := 0; i < each; i++ {
				there <- i
			}
			sent.Done()
		}()
	}
	sent.Wait()
	close(there)
	got.Wait()
	return each * senders
}

func pingPong() int {
	there, back := make(chan int), make(chan int)
	done := make(chan bool)
	go func() {
		for n := range there {
			back <- n
		}
		close(done)
	}()
	for i := 0; i < config["HOPS"]/2; i++ {
		there <- i
		<-back
	}
	close(there)
	<-done
	return config["HOPS"]
}

func workload(name string) int {
	switch name {
	case "mutex_free":
		return locks(1, false)
	case "mutex_64":
		return locks(64, false)
	case "mutex_64_work":
		return locks(64, true)
	case "ping_pong":
		return pingPong()
	case "chan_1_1":
		return transfer(1, 1, config["BUFFER"])
	case "chan_4_4":
		return transfer(4, 4, config["BUFFER"])
	case "fan_in":
		return transfer(64, 1, 0)
	}
	panic(name)
}

func main() {
	readConfig(os.Args[3])
	workers, _ := strconv.Atoi(os.Args[2])
	runtime.GOMAXPROCS(workers)
	begin := time.Now()
	n := workload(os.Args[1])
	ns := float64(time.Since(begin).Nanoseconds()) / float64(n)
	fmt.Printf("%s,go,%d,%d,%.1f\n", os.Args[1], workers, n, ns)
}
