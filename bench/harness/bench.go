// SPDX-License-Identifier: MIT
// What every benchmark program in Go shares; harness/bench.h says what the arguments mean.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var config = map[string]int{}

func initBench() {
	workers, err := strconv.Atoi(os.Args[1])
	check(err == nil && workers > 0, "usage: PROGRAM WORKERS NAME=VALUE...")
	runtime.GOMAXPROCS(workers)
	for _, arg := range os.Args[2:] {
		words := strings.SplitN(arg, "=", 2)
		config[words[0]], err = strconv.Atoi(words[1])
		check(err == nil, arg)
	}
}

func param(name string) int {
	value, found := config[name]
	check(found, "no "+name)
	return value
}

func check(isRight bool, what string) {
	if !isRight {
		fmt.Fprintln(os.Stderr, "wrong:", what)
		os.Exit(1)
	}
}

func reportEach(metric, unit string, total, n int64) {
	fmt.Printf("%s %s %.6g\n", metric, unit, float64(total)/float64(n))
}

func reportSpread(name string, ns []int64) {
	sort.Slice(ns, func(i, j int) bool { return ns[i] < ns[j] })
	reportEach(name+"_p50", "us", ns[len(ns)/2], 1000)
	reportEach(name+"_p99", "us", ns[len(ns)-1-len(ns)/100], 1000)
	reportEach(name+"_max", "us", ns[len(ns)-1], 1000)
}

func since(begin time.Time) int64 { return time.Since(begin).Nanoseconds() }

func cpuNs() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func memoryBytes() int64 {
	status, err := os.ReadFile("/proc/self/status")
	check(err == nil, "/proc/self/status")
	kib := 0
	for _, line := range strings.Split(string(status), "\n") {
		words := strings.Fields(line)
		if len(words) == 3 && (words[0] == "VmRSS:" || words[0] == "VmPTE:") {
			n, _ := strconv.Atoi(words[1])
			kib += n
		}
	}
	return int64(kib) * 1024
}
