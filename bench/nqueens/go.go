// SPDX-License-Identifier: MIT
// Go's side of nqueens: a goroutine for each queen that may stand.
package main

import "time"

type board [16]int8

var solutionsOf = [...]int{1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200, 73712, 365596}

func mayStand(b *board, column, row int) bool {
	for i := 0; i < column; i++ {
		apart := int(b[i]) - row
		if apart == 0 || apart == column-i || apart == i-column {
			return false
		}
	}
	return true
}

func search(b board, column, size int, result chan<- int) {
	if column == size {
		result <- 1
		return
	}
	parts := make(chan int, size)
	n, solutions := 0, 0
	for row := 0; row < size; row++ {
		if mayStand(&b, column, row) {
			next := b
			next[column] = int8(row)
			go search(next, column+1, size, parts)
			n++
		}
	}
	for ; n > 0; n-- {
		solutions += <-parts
	}
	result <- solutions
}

func pass(size int) int64 {
	result := make(chan int, 1)
	begin := time.Now()
	go search(board{}, 0, size, result)
	solutions := <-result
	ns := since(begin)
	check(solutions == solutionsOf[size], "number of solutions")
	return ns
}

func main() {
	initBench()
	n := param("N")
	pass(n - 1)
	reportEach("plain", "ms", pass(n), 1000000)
}
