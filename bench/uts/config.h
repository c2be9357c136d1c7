// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use: the tree T1 of the Unbalanced Tree Search benchmark,
 * 4,130,071 nodes, a task for each. A node's children are known only when it is visited. */
#define BRANCHING   4
#define DEPTH       10
#define DEPTH_SMOKE 5
#define SEED        19
