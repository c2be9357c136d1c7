# SPDX-License-Identifier: MIT
"""What docs/performance.md says about each workload: what is done, its limit, where time goes."""

NAMES = {"rove": "rove", "limit": "limit", "go": "Go", "tokio": "Tokio", "rayon": "Rayon",
         "hyper": "hyper", "fiber": "Boost.Fiber", "tbb": "oneTBB", "libuv": "libuv",
         "node": "Node", "java": "Java", "asyncio": "asyncio", "uvloop": "uvloop",
         "nginx": "nginx", "raw_epoll": "raw epoll", "raw_uring": "raw io_uring",
         "rove_epoll": "rove on epoll", "raw_own": "raw epoll, a set each",
         "raw_shared": "raw epoll, one set"}

WORDS = {
    "switch": {
        "what": "Two tasks yield to each other, on one worker.",
        "limit": "a raw jump to another context, and the raw jump back.",
        "why": "a jump, and a queue of one task that is emptied and filled: push, pop, the "
               "worker's count of turns, the task's state written twice. Nobody here hands the "
               "processor to a task that it names."},
    "yield_many": {
        "what": "1000 tasks that only yield.",
        "limit": "contexts that jump round a ring: no queue, nothing shared between threads.",
        "why": "a yield is a jump to the next ready task, its push and pop in the worker's own "
               "queue, and every so often a look at timers, I/O and the shared queue."},
    "spawn_join": {
        "what": "One task after the other is created and awaited; *eager* tasks run at once, on "
                "the creator's time, and are often done when they are awaited. A peer without "
                "eager tasks is compared by its only kind.",
        "limit": "a context made on a warm stack, a jump in and a jump out.",
        "why": "beside the two jumps: a stack from the worker's cache, a control block, two "
               "references. A plain one that is awaited at once runs in its creator's turn, too."},
    "spawn_many": {
        "what": "100,000 tasks are created, then all are awaited.",
        "limit": "as many contexts on as many stacks, already touched, made and then entered.",
        "why": "a task that waits to begin has no stack, only a block of 256 bytes among others; "
               "the one that ends hands its stack to the next, which begins there without a jump. "
               "So it can be below its limit, which touches a stack for each. Two workers are "
               "slower than one: a task is so little work that moving its block and its result to "
               "another processor and back costs more than it saves."},
    "chained_spawn": {
        "what": "A task creates the next and ends, 500,000 times; nobody awaits any but the last. "
                "More workers cannot help: a link begins when the one before it has made it.",
        "limit": "a context that makes the next on the other of two warm stacks and jumps there.",
        "why": "a block for the task from the worker's cache, a trip through the queue, and the "
               "stack of the one that ended, on which the next begins. What matters with two "
               "workers is that the chain stays on one: a thief that took each link would cost a "
               "wake-up and cold caches."},
    "ping_pong": {
        "what": "A value there and back between two tasks over two unbuffered channels. Tokio's "
                "smallest buffer is one.",
        "limit": "two jumps that carry the value.",
        "why": "four channel operations and two switches; the partner that was woken runs next, "
               "on the same worker. A channel that any thread may use, whose waits can be "
               "cancelled and seen in a report, takes its steps beside the two jumps: no locked "
               "instruction and no misprediction is left in them (docs/hot-path.md, 7, 8, 16, "
               "17), and what remains is the number of instructions. A second worker costs the "
               "trials of stealing the partner and their end, when the pair is left alone for a "
               "while."},
    "channel": {
        "what": "Four senders and four receivers on one channel with a buffer of 64. Tokio's own "
                "channels have one receiver, so it is not here.",
        "limit": "on one thread: fill a ring, jump, empty it, jump: a store and a load of each "
                 "message, which nothing that tasks share can come near; *locked*: a free lock "
                 "taken for each of the two as well.",
        "why": "on two processors the channel's lines would move to and fro for each message. So "
               "a thief takes tasks from a short queue on trial only, and leaves them alone for "
               "four times as long when they were woken away again "
               "(decisions/0010-theft-on-trial.md): the eight stay on one worker, and what two "
               "workers cost more is those trials."},
    "channel_unbuffered": {
        "what": "As channel without a buffer: each message is handed from a sender to a receiver. "
                "asyncio's smallest buffer is one.",
        "limit": "two jumps that carry a message.",
        "why": "who comes second finds the other waiting, moves the message and makes it ready: a "
               "switch for nearly every message, which a buffer would have shared out over 64."},
    "pipe_unbuffered": {
        "what": "One sender, one receiver, a channel without a buffer. Tokio's and asyncio's "
                "smallest buffer is one.",
        "limit": "as channel_unbuffered.",
        "why": "as channel_unbuffered; half of ping_pong's round trip."},
    "pipe": {
        "what": "One sender, one receiver, a channel with a buffer of 64.",
        "limit": "as channel.",
        "why": "on one worker a lock of two stores and a switch for each buffer."},
    "fan_in": {
        "what": "Sixteen senders, one receiver, a channel with a buffer of 64.",
        "limit": "as channel.",
        "why": "senders wait in line; a receive takes in the message of the first. As channel "
               "with two workers."},
    "queue": {
        "what": "As channel, over rove_queue: join, shutdown and task_done have their counts "
                "kept. Go and Boost.Fiber have their channels here.",
        "limit": "as channel.",
        "why": "a put or get that need not wait costs little more than a channel's; a get that "
               "waits is granted the right to an item and takes it when it runs, as asyncio's "
               "does, which is a second trip through the lock: handing the item over was left "
               "out, for a cancelled getter must leave it to the next. As channel with two "
               "workers."},
    "select": {
        "what": "A sender each on four unbuffered channels; one receiver selects among them. "
                "Tokio's smallest buffer is one.",
        "limit": "none was written: bare jumps would be those of pipe_unbuffered.",
        "why": "a select that finds a sender costs little more than a receive; one that waits "
               "stands in four lines and leaves three, which is what a message costs here beyond "
               "pipe_unbuffered's: each sender is handed its message alone, so that the receiver "
               "mostly waits."},
    "mutex_free": {
        "what": "One task locks, adds one, unlocks.",
        "limit": "a futex lock that nobody else wants.",
        "why": "a mutex that one worker has locked a thousand times in succession is at home "
               "there: it is taken and given by plain stores until somebody else comes "
               "(docs/hot-path.md, *A mutex at home*). The limit and Go take two atomic steps."},
    "mutex": {
        "what": "64 tasks lock, add one, unlock.",
        "limit": "a futex lock and as many threads as workers, without any order of waiters.",
        "why": "with one worker as mutex_free; contended locks cost what it takes to move the "
               "line, and fairness costs a hand-over. Boost.Fiber's 64 fibers stay on the thread "
               "that made them, so its figure with two workers is that of one."},
    "skynet": {
        "what": "A tree of tasks ten wide and six deep: 1,111,111 tasks that all wait for their "
                "children.",
        "limit": "the same tree with a context for each node, depth first.",
        "why": "eager children run depth first on few stacks; plain ones are queued by the "
               "hundred thousand, and the ten of each parent end before it goes on, so that those "
               "who wait hold a stack each. Rayon's and oneTBB's tasks wait for nothing but their "
               "children and run those on the waiting one's stack: the plain kind is behind them, "
               "the eager kind is not."},
    "fib": {
        "what": "fib(30), a task for each of 2.7 million calls: nothing but the cost of fork and "
                "join. The limit's other metric, *serial*, is the plain function.",
        "limit": "a context on its own stack for each call, one thread.",
        "why": "Rayon's and oneTBB's tasks can wait for their children and nothing else, so they "
               "need no stack of their own; Boost.Fiber is left out for its slowness. An eager "
               "task is a stack, a jump in, and a jump out unless its parent was stolen "
               "meanwhile."},
    "nqueens": {
        "what": "All 14,200 ways to put 12 queens on a board, a task for each of the 856,188 "
                "queens that may stand, with a copy of the board. *serial* is plain recursion.",
        "limit": "a context on its own stack for each queen, one thread.",
        "why": "as fib, with some work in each task: the cost of a task is shared out over more."},
    "uts": {
        "what": "The tree T1 of the Unbalanced Tree Search benchmark: 4,130,071 nodes, a task "
                "each; a SHA-1 digest says how many children a node has, so nobody knows before "
                "where the work is. *serial* is plain recursion.",
        "limit": "a context on its own stack for each node, one thread.",
        "why": "most of a task is the digest, which each language computes with the same plain "
               "code; what is left is an eager task, and thieves that find work quickly. Rust's "
               "compiler makes a faster digest of it than gcc: Rayon is below the serial C, and "
               "its figure compares compilers."},
    "file_read": {
        "what": "32 tasks read 4 KiB each, again and again, at random places of a file that the "
                "page cache holds. *pread* is the bare system call, one after the other.",
        "limit": "a bare io_uring loop with 32 reads under way.",
        "why": "the kernel's copy of 4 KiB is most of it. rove asks the cache first, a system "
               "call that never waits, and makes an operation of what is not there; Go blocks a "
               "thread in the system call; Tokio and libuv hand the read to another thread and "
               "back. It is behind the limit by a system call for each read, where the ring "
               "shares one among 32."},
    "wake_remote": {
        "what": "A thread of the program wakes a sleeping task; from the call to the task's first "
                "instruction.",
        "limit": "a futex between two threads.",
        "why": "nearly all of it is the kernel's wake-up of a sleeping thread. A worker of rove "
               "that sleeps waits for the kernel's news of sockets as well, so that its wake-up "
               "is a completion on its ring, a little dearer than a futex's (docs/idle.md)."},
    "memory": {
        "what": "100,000 (*few*) and 1,000,000 (*many*) tasks wait for one event: bytes each, "
                "resident memory and page tables; to make one; to wake one until it has ended; "
                "processor time of the process meanwhile. The pages are such as the machine has: "
                "those that its host has taken back are touched before (bench/README.md).",
        "limit": "one page touched in a mapping of 128 KiB for each.",
        "why": "a stack needs a page of its own, and making one is the kernel's page fault, as in "
               "the limit; Tokio's tasks have no stack, and Go's begin with two KiB and are "
               "copied when they grow. To wake one is to run on a page that has left the caches "
               "and to give its stack back; the next one's cell and frames are fetched ahead, "
               "which took half of it (docs/hot-path.md, 16)."},
    "timers": {
        "what": "A million tasks sleep at once; their deadlines are spread over one second. How "
                "late they run, and the processor time of the whole process.",
        "limit": "one thread that sleeps until one deadline after the other.",
        "why": "a heap of timers a worker and one timeout in the kernel. A million in a second is "
               "close to all that one worker can wake, as each lies on a stack of its own that "
               "has left the caches; so half of them are on time, and whatever takes a few ms "
               "(the heap given back, another program) delays a hundredth of all. The processor "
               "time is mostly that of making the tasks: a page fault and a guard each."},
    "mixed": {
        "what": "One task computes for 10 ms between two yields, 200 others sleep for 1 ms again "
                "and again: how late they wake. With one worker a tick waits for the next yield, "
                "and nothing is measured.",
        "limit": "two threads, a processor each: one computes, one sleeps until one deadline "
                 "after the other. What is left is the kernel's timer.",
        "why": "the free worker fires the timers of the one that computes, and takes what is ready "
               "there. Half of the ticks are as early as the kernel's timer; the tail is its next "
               "look, which comes after 50 us to 5 ms (decisions/0004-rescue-by-whoever-looks.md),"
               " and the ticks that fall due together and run one after the other. Boost.Fiber has "
               "nobody who looks."},
    "primitives": {
        "what": "What one use of each costs a task that meets nobody, on one worker. *pair*: two "
                "tasks wait for each other, and a round is two hand-overs and two switches. Each "
                "is timed in a process of its own; *instructions* are those of the program, by "
                "valgrind's cachegrind on epoll, where a fence that costs nothing elsewhere counts "
                "as two more.",
        "limit": "of the pairs *pair_yield*, which is the two switches and nothing else.",
        "why": "a mutex, queue or channel that one worker uses is at home there and pays no locked "
               "instruction (docs/hot-path.md, 6, 21 and 22); what an event, a once or a local "
               "tells needs none. Most others pay two or more, and each takes as long as many "
               "plain instructions."},
    "echo": {
        "what": "An echo server under a closed loop: connections x bytes; each connection sends, "
                "waits for its echo, compares every byte, sends the next. rove is the examples' "
                "echo_server, a task a connection; Node, libuv, asyncio and uvloop are one thread "
                "of callbacks. *cpu* is the server's processor time a request (us each are s a "
                "million), *calls* its system calls, *instructions* those of its own, without "
                "the kernel's.",
        "limit": "a bare epoll loop and a bare io_uring loop, a thread each; with two, also one "
                 "edge-triggered set that both share, so that whoever is free takes the next "
                 "events.",
        "why": "the kernel's TCP path is most of it; what is left is a switch, an operation "
               "submitted with the others of the turn, and the share of a system call. Where it "
               "is behind: with 4 KiB and thousands of connections each task receives into a "
               "buffer of its own, which has left the caches when its turn comes again, while a "
               "loop of callbacks uses one buffer for all. Two workers share two processors with a "
               "loader that never sleeps: rove's find that out, and one stands aside (decisions/"
               "0013-stand-aside.md)."},
    "http": {
        "what": "GET / of 13 bytes over connections that stay; *64x16* sends 16 requests at a "
                "time. rove is the examples' http_server, with a whole parser; the raw loop looks "
                "for empty lines and nothing else.",
        "limit": "a bare epoll loop with one receive and one send a batch.",
        "why": "one request at a time, as echo plus the parser. Sixteen: the kernel's share "
               "shrinks, and what decides is the instructions a request and one write a batch: "
               "nginx writes each answer alone. Go's median with sixteen is that of the few "
               "connections it serves at a time; its p99.9 is what the others wait."},
    "open_loop": {
        "what": "40,000 echoes a second on 64 connections, whether the server keeps up or not; a "
                "latency begins when its message was due, so that a server is charged for all "
                "that came due while it was away.",
        "limit": "a bare epoll loop and a bare io_uring loop, a thread each.",
        "why": "a server that sleeps between messages is woken for nearly each: the kernel's "
               "wake-up is the median. With more workers than one the loader needs a processor "
               "too, and the tail is the kernel's scheduler."},
    "stall": {
        "what": "40,000 echoes a second on 64 connections; a hundred of them make the handler "
                "compute for 1 ms: how late the others are answered, from when they were due. The "
                "loader shares the two processors.",
        "limit": "raw epoll is one set that two threads share, so that whoever is free takes the "
                 "next event: the best there is for this, and dearer everywhere else.",
        "why": "a worker that is free takes what waits behind one that computes: its queue, its "
               "timers, and completions out of its ring (decisions/0004-rescue-by-whoever-looks.md"
               "). Loops with a set each have nobody who does."},
    "churn": {
        "what": "Connections that are opened, used for one echo and closed, 64 at once; *rate* is "
                "whole connections.",
        "limit": "loops that accept themselves; with two threads, one more that deals out.",
        "why": "the kernel's handshake and teardown are most of it; rove adds an accept, a task "
               "with its stack from the cache, and a close. Connections of a turn share the ring's "
               "calls, but for the close; with two workers turns are shorter, and each wakes the "
               "other."},
    "idle": {
        "what": "5000 connections that were used once and stay open: the server's memory for each "
                "(resident and page tables, not the kernel's sockets), its processor time over a "
                "window without traffic, and the time to open and use each.",
        "limit": "the raw loops keep nothing (epoll) or one buffer of 16 KiB, of which a page is "
                 "touched (io_uring), for a connection.",
        "why": "a waiting task is a page of stack with its control block; what a server keeps "
               "beside it is its own. echo_server has its 16 KiB buffer on that stack, and a "
               "build with stack-clash protection touches each page of it; http_server gives its "
               "buffers back while it waits."},
}
