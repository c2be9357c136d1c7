// SPDX-License-Identifier: MIT
// Go's side of uts: a goroutine for each node; uts/tree.h says what the tree is.
package main

import (
	"math"
	"math/bits"
	"time"
)

type node struct {
	word  [5]uint32
	depth int
}

var branching, depth int

func digest(block *[80]uint32) [5]uint32 {
	a, b, c, d, e := uint32(0x67452301), uint32(0xefcdab89), uint32(0x98badcfe),
		uint32(0x10325476), uint32(0xc3d2e1f0)
	for i := 16; i < 80; i++ {
		block[i] = bits.RotateLeft32(block[i-3]^block[i-8]^block[i-14]^block[i-16], 1)
	}
	for i := 0; i < 20; i++ {
		next := bits.RotateLeft32(a, 5) + (b&c | ^b&d) + e + 0x5a827999 + block[i]
		e, d, c, b, a = d, c, bits.RotateLeft32(b, 30), a, next
	}
	for i := 20; i < 40; i++ {
		next := bits.RotateLeft32(a, 5) + (b ^ c ^ d) + e + 0x6ed9eba1 + block[i]
		e, d, c, b, a = d, c, bits.RotateLeft32(b, 30), a, next
	}
	for i := 40; i < 60; i++ {
		next := bits.RotateLeft32(a, 5) + (b&c | b&d | c&d) + e + 0x8f1bbcdc + block[i]
		e, d, c, b, a = d, c, bits.RotateLeft32(b, 30), a, next
	}
	for i := 60; i < 80; i++ {
		next := bits.RotateLeft32(a, 5) + (b ^ c ^ d) + e + 0xca62c1d6 + block[i]
		e, d, c, b, a = d, c, bits.RotateLeft32(b, 30), a, next
	}
	return [5]uint32{0x67452301 + a, 0xefcdab89 + b, 0x98badcfe + c, 0x10325476 + d, 0xc3d2e1f0 + e}
}

func root(seed int) node {
	block := [80]uint32{4: uint32(seed), 5: 0x80000000, 15: 32 * 5}
	return node{digest(&block), 0}
}

func child(parent *node, i int) node {
	block := [80]uint32{5: uint32(i), 6: 0x80000000, 15: 32 * 6}
	copy(block[:], parent.word[:])
	return node{digest(&block), parent.depth + 1}
}

func children(n *node) int {
	if n.depth >= depth {
		return 0
	}
	u := float64(n.word[4]&0x7fffffff) / 2147483648.0
	p := 1.0 / (1.0 + float64(branching))
	count := int(math.Floor(math.Log(1.0-u) / math.Log(1.0-p)))
	if count > 100 {
		return 100
	}
	return count
}

func visit(n node, result chan<- int) {
	count, nodes := children(&n), 1
	if count == 0 {
		result <- 1
		return
	}
	parts := make(chan int, count)
	for i := 0; i < count; i++ {
		go visit(child(&n, i), parts)
	}
	for ; count > 0; count-- {
		nodes += <-parts
	}
	result <- nodes
}

func pass(seed int) (int64, int) {
	result := make(chan int, 1)
	begin := time.Now()
	go visit(root(seed), result)
	nodes := <-result
	return since(begin), nodes
}

func main() {
	initBench()
	deepest := param("DEPTH")
	branching, depth = param("BRANCHING"), deepest-2
	pass(param("SEED"))
	depth = deepest
	ns, nodes := pass(param("SEED"))
	check(deepest != 10 || nodes == 4130071, "number of nodes")
	reportEach("plain", "ms", ns, 1000000)
}
