// SPDX-License-Identifier: MIT
/*
 * Purpose: the nodes of the Unbalanced Tree Search benchmark, for the programs in C and C++.
 * Idea:    a node is a SHA-1 digest; child i's is the digest of its parent's and i. The digest is
 *          also the node's random number, and a geometric law turns it into how many children it
 *          has, down to a fixed depth. So the tree is the same everywhere and nobody can know the
 *          size of a part of it before it was walked. The SHA-1 is written out in each language in
 *          the same plain way: what is compared is the tasks, not the library's digest.
 * Source:  Olivier et al., UTS: An Unbalanced Tree Search Benchmark, 2006; FIPS 180-4.
 */
#ifndef BENCH_UTS_TREE_H
#define BENCH_UTS_TREE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { TREE_MAX_CHILDREN = 100, TREE_WORDS = 5, TREE_SMOKE_NODES = 3987 };

struct tree_node {
    uint32_t word[TREE_WORDS];
    int depth;
};

static inline uint32_t tree_rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

#define TREE_ROUND(f, k)                                              \
    do {                                                              \
        uint32_t next = tree_rotate(a, 5) + (f) + e + (k) + block[i]; \
        e = d, d = c, c = tree_rotate(b, 30), b = a, a = next;        \
    } while (0)

/* The digest of a message of less than 56 bytes, which stands in block[0..15] with its padding. */
static inline void tree_digest(uint32_t block[80], uint32_t digest[TREE_WORDS])
{
    static const uint32_t begin[TREE_WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                                               0xc3d2e1f0};
    uint32_t a = begin[0], b = begin[1], c = begin[2], d = begin[3], e = begin[4];
    for (int i = 16; i < 80; i++) {
        block[i] = tree_rotate(block[i - 3] ^ block[i - 8] ^ block[i - 14] ^ block[i - 16], 1);
    }
    for (int i = 0; i < 20; i++) {
        TREE_ROUND((b & c) | (~b & d), 0x5a827999);
    }
    for (int i = 20; i < 40; i++) {
        TREE_ROUND(b ^ c ^ d, 0x6ed9eba1);
    }
    for (int i = 40; i < 60; i++) {
        TREE_ROUND((b & c) | (b & d) | (c & d), 0x8f1bbcdc);
    }
    for (int i = 60; i < 80; i++) {
        TREE_ROUND(b ^ c ^ d, 0xca62c1d6);
    }
    digest[0] = begin[0] + a, digest[1] = begin[1] + b, digest[2] = begin[2] + c;
    digest[3] = begin[3] + d, digest[4] = begin[4] + e;
}

static inline void tree_hash(const uint32_t words[TREE_WORDS], uint32_t last,
                             uint32_t digest[TREE_WORDS])
{
    uint32_t block[80] = {0};
    memcpy(block, words, TREE_WORDS * sizeof *words);
    block[TREE_WORDS] = last;
    block[TREE_WORDS + 1] = 0x80000000; /* the padding: a bit, zeros, the length in bits */
    block[15] = 32 * (TREE_WORDS + 1);
    tree_digest(block, digest);
}

/* The benchmark's root hashes sixteen zero bytes and the seed, a word less than the others. */
static inline struct tree_node tree_root(uint32_t seed)
{
    struct tree_node root = {{0}, 0};
    uint32_t block[80] = {0};
    block[4] = seed;
    block[5] = 0x80000000;
    block[15] = 32 * 5;
    tree_digest(block, root.word);
    return root;
}

static inline struct tree_node tree_child(const struct tree_node *parent, int i)
{
    struct tree_node child = {{0}, parent->depth + 1};
    tree_hash(parent->word, (uint32_t)i, child.word);
    return child;
}

static inline int tree_children(const struct tree_node *node, long branching, long depth)
{
    if (node->depth >= depth) {
        return 0;
    }
    double u = (double)(node->word[4] & 0x7fffffff) / 2147483648.0;
    double p = 1.0 / (1.0 + (double)branching);
    int n = (int)floor(log(1.0 - u) / log(1.0 - p));
    return n < TREE_MAX_CHILDREN ? n : TREE_MAX_CHILDREN;
}

/* How many nodes there are, counted once by the benchmark's own authors (T1) and by us (smoke). */
static inline int tree_is_right(long nodes, long branching, long depth, long seed)
{
    if (branching != 4 || seed != 19 || (depth != 10 && depth != 5)) {
        return nodes > 0;
    }
    return nodes == (depth == 10 ? 4130071 : TREE_SMOKE_NODES);
}

#endif
