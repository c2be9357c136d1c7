// SPDX-License-Identifier: MIT
// Go's side of file_read: a system call each, for which the scheduler may hand the processor on.
package main

import (
	"encoding/binary"
	"os"
	"sync"
	"time"
)

func create(mib int) *os.File {
	file, err := os.CreateTemp("", "rove-bench-")
	check(err == nil && os.Remove(file.Name()) == nil, "no temporary file")
	words := make([]byte, 1<<20)
	for i := 0; i < mib; i++ {
		for k := 0; k < len(words); k += 8 {
			binary.LittleEndian.PutUint64(words[k:], uint64(i*len(words)+k))
		}
		_, err = file.Write(words)
		check(err == nil, "disk full")
	}
	return file
}

func read(file *os.File, state uint64, reads, mib, size int, end *sync.WaitGroup) {
	block := make([]byte, size)
	for i := 0; i < reads; i++ {
		state = state*6364136223846793005 + 1442695040888963407
		at := int64((state>>33)%uint64(mib<<20/size)) * int64(size)
		n, err := file.ReadAt(block, at)
		check(err == nil && n == size, "a short read")
		check(binary.LittleEndian.Uint64(block) == uint64(at), "the bytes of another block")
		last := binary.LittleEndian.Uint64(block[size-8:])
		check(last == uint64(at)+uint64(size)-8, "the bytes of another block")
	}
	end.Done()
}

func pass(file *os.File, tasks, reads int) int64 {
	var end sync.WaitGroup
	begin := time.Now()
	end.Add(tasks)
	for i := 0; i < tasks; i++ {
		go read(file, uint64(i+1), reads/tasks, param("MIB"), param("BYTES"), &end)
	}
	end.Wait()
	return since(begin)
}

func main() {
	initBench()
	tasks, reads := param("TASKS"), param("READS")
	file := create(param("MIB"))
	pass(file, tasks, reads/10)
	cpu := cpuNs()
	ns, n := pass(file, tasks, reads), int64(reads/tasks*tasks)
	reportEach("plain", "ns/read", ns, n)
	reportEach("cpu", "ns/read", cpuNs()-cpu, n)
}
