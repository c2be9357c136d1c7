// SPDX-License-Identifier: MIT
// The tree of uts, for Tokio and Rayon; uts/tree.h says what it is.
#[derive(Clone, Copy)]
pub struct Node {
    word: [u32; 5],
    depth: usize,
}

#[derive(Clone, Copy)]
pub struct Shape {
    pub branching: usize,
    pub depth: usize,
}

const BEGIN: [u32; 5] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

fn digest(block: &mut [u32; 80]) -> [u32; 5] {
    let [mut a, mut b, mut c, mut d, mut e] = BEGIN;
    for i in 16..80 {
        block[i] = (block[i - 3] ^ block[i - 8] ^ block[i - 14] ^ block[i - 16]).rotate_left(1);
    }
    macro_rules! rounds {
        ($range:expr, $f:expr, $k:expr) => {
            for i in $range {
                let sum = a.rotate_left(5).wrapping_add($f).wrapping_add(e);
                let next = sum.wrapping_add($k).wrapping_add(block[i]);
                (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
            }
        };
    }
    rounds!(0..20, b & c | !b & d, 0x5a827999);
    rounds!(20..40, b ^ c ^ d, 0x6ed9eba1);
    rounds!(40..60, b & c | b & d | c & d, 0x8f1bbcdc);
    rounds!(60..80, b ^ c ^ d, 0xca62c1d6);
    let end = [a, b, c, d, e];
    std::array::from_fn(|i| BEGIN[i].wrapping_add(end[i]))
}

pub fn root(seed: usize) -> Node {
    let mut block = [0; 80];
    (block[4], block[5], block[15]) = (seed as u32, 0x80000000, 32 * 5);
    Node { word: digest(&mut block), depth: 0 }
}

impl Node {
    pub fn child(&self, i: usize) -> Node {
        let mut block = [0; 80];
        block[..5].copy_from_slice(&self.word);
        (block[5], block[6], block[15]) = (i as u32, 0x80000000, 32 * 6);
        Node { word: digest(&mut block), depth: self.depth + 1 }
    }

    pub fn children(&self, shape: Shape) -> usize {
        if self.depth >= shape.depth {
            return 0;
        }
        let u = (self.word[4] & 0x7fffffff) as f64 / 2147483648.0;
        let p = 1.0 / (1.0 + shape.branching as f64);
        (((1.0 - u).ln() / (1.0 - p).ln()).floor() as usize).min(100)
    }
}

pub fn check(nodes: usize, shape: Shape) {
    assert!(shape.depth != 10 || nodes == 4130071);
}
