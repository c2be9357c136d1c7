# SPDX-License-Identifier: MIT
"""What bench/readme writes between its marks, page by page.

{workload metric workers implementation} is a figure as docs/performance.md has it, {x ...} rove's
ratio to it, {cost NAME} the instructions and ns of a primitive, {bars} how many of the bars are met
and {date} the day of the run. A page has as many pairs of marks as texts here, in this order.
"""

README = """
| what | rove | beside it |
|---|---|---|
| yield among 1000 tasks, 1 worker | {yield_many plain 1 rove} ns | \
Go {yield_many plain 1 go}, Tokio {yield_many plain 1 tokio}, \
Boost.Fiber {yield_many plain 1 fiber}; bare context jumps {yield_many plain 1 limit} |
| create and await; the same, eager | {spawn_join plain 1 rove} ns; {spawn_join eager 1 rove} ns | \
Go {spawn_join plain 1 go}, Tokio {spawn_join plain 1 tokio}, \
Boost.Fiber {spawn_join plain 1 fiber} |
| create 100,000 tasks, await all | {spawn_many plain 1 rove} ns each | \
Go {spawn_many plain 1 go}, Tokio {spawn_many plain 1 tokio}, \
oneTBB {spawn_many plain 1 tbb} (whose tasks cannot wait) |
| a tree of 1.1 million tasks (skynet, eager), 2 workers | {skynet eager 2 rove} ms | \
oneTBB {skynet eager 2 tbb}, Rayon {skynet eager 2 rayon}, Tokio {skynet eager 2 tokio}, \
Go {skynet eager 2 go} |
| a value there and back over two channels | {ping_pong plain 1 rove} ns | \
Go {ping_pong plain 1 go}, Tokio {ping_pong plain 1 tokio} |
| four senders, four receivers, one channel, 2 workers | {channel plain 2 rove} ns a message | \
Boost.Fiber {channel plain 2 fiber}, Go {channel plain 2 go} |
| a million sleeping tasks | {memory many_bytes 1 rove} bytes each, stack, guard and page tables \
included; {memory many_cpu 1 rove} % CPU | Go {memory many_bytes 1 go}, \
Tokio {memory many_bytes 1 tokio} |
| a million timers in one second, half of them late by; the hundredth by | \
{timers late_p50 1 rove} µs; {timers late_p99 1 rove} µs | \
Tokio {timers late_p50 1 tokio}; {timers late_p99 1 tokio}, libuv {timers late_p50 1 libuv}; \
{timers late_p99 1 libuv}, Go {timers late_p50 1 go}; {timers late_p99 1 go} |
| HTTP, 64 connections, 1 worker | {http_64 rate 1 rove} a second, {http_64 cpu 1 rove} µs of CPU \
each | nginx {http_64 rate 1 nginx}, hyper {http_64 rate 1 hyper}, Go {http_64 rate 1 go} |
| echo of 64 bytes, 64 connections, 1 worker | {echo_64x64 rate 1 rove} a second, \
{echo_64x64 calls 1 rove} system calls each | raw io_uring {echo_64x64 rate 1 raw_uring}, \
Tokio {echo_64x64 rate 1 tokio}, Go {echo_64x64 rate 1 go} |
| the same, 2 workers, and the loader on the same 2 processors: rate; p99 | \
{echo_64x64 rate 2 rove} a second; {echo_64x64 p99 2 rove} µs | \
raw io_uring {echo_64x64 rate 2 raw_uring}; {echo_64x64 p99 2 raw_uring}, \
Tokio {echo_64x64 rate 2 tokio}; {echo_64x64 p99 2 tokio}, Go {echo_64x64 rate 2 go}; \
{echo_64x64 p99 2 go} |
| 5000 idle connections of the HTTP server | {idle_http memory 1 rove} KiB each, \
{idle_http cpu 1 rove} % CPU | hyper {idle_http memory 1 hyper}, Go {idle_http memory 1 go}, \
nginx {idle_http memory 1 nginx} |

Behind: forks without a stack (Rayon's `fib`, {x fib plain 1 rayon} ×), memory and creation of \
sleepers (a
stack each), and large messages and 5000 connections against Tokio and libuv. † was disturbed and \
is not compared. The page has
the list, and each bar of the design with what the run made of it{bars}.
"""

WHAT_EACH_COSTS = """
One worker, in the run of {date} ([performance.md](../performance.md#primitives), which \
`bench/run primitives` repeats):
{counted}ns a round, which is what the third column says, for a task that meets nobody. `pair`: \
two tasks wait for
each other, a round is two hand-overs and two switches (two yields: {cost pair_yield}).

| object | bytes | a round | alone | pair | cancelled while it waits |
|---|---|---|---|---|---|
| mutex | 64 | lock, unlock | {cost mutex_lock_unlock} | | leaves the line; a mutex that was \
handed to it goes to the next |
| rwlock | 56 | lock, unlock | read {cost rwlock_rdlock_unlock}; write {cost \
rwlock_wrlock_unlock} | | the same; readers behind a writer that leaves go on |
| semaphore | 40 | acquire, release | {cost semaphore_acquire_release} | {cost pair_semaphore} | \
the same; its unit goes to the next |
| event | 24 | wait on a set one | {cost event_wait_set} | {cost pair_event} | leaves; others are \
let through as before |
| cond | 24 | wait, notify | | {cost pair_cond} | returns with the mutex held; a notification it \
had got goes to the next |
| barrier | 48 | wait | | {cost pair_barrier} | leaves and does not count; once the round is \
complete it has its number, and is cancelled at its next wait |
| once | 32 | call, done before | {cost once_call_done} | | leaves; the call goes on |
| queue | heap | put, get | {cost queue_put_get} | {cost pair_queue} | nothing was put or got; \
room or an item that was promised goes to the next |
| channel | heap | send, receive | {cost chan_send_recv_buffered} | {cost pair_chan} | as long as \
nobody took it, nothing was sent or received; an element that has changed hands stands, and the \
cancellation comes at the next wait |
| select | the caller's | send, select of two | {cost chan_send_select_of_2} | | no case went \
through, or one did and stands |
| oneshot | 32 | send, receive | {cost oneshot_send_recv} | | the value stays for the next \
receiver |
| broadcast | heap | send, receive | {cost broadcast_send_recv} | | nothing was taken |
| watch | heap | send, read | {cost watch_send_read} | | nothing was seen |
| local | 24 | get | {cost local_get} | | |
"""

ASLEEP = """
In the run of {date}: 100,000 tasks that sleep take {memory few_cpu 1 rove} % of a processor, a \
million
{memory many_cpu 1 rove} %; a server with 5000 connections that are silent {idle_http cpu 1 rove} \
% (HTTP) and
{idle_echo cpu 1 rove} % (echo).
"""

WOKEN = """
In the run of {date}, µs:

| | half, 1 worker | 99 of 100, 1 worker | half, 2 workers | 99 of 100, 2 workers |
|---|---:|---:|---:|---:|
| rove | {wake_remote wake_p50 1 rove} | {wake_remote wake_p99 1 rove} | {wake_remote wake_p50 2 \
rove} | \
{wake_remote wake_p99 2 rove} |
| Go | {wake_remote wake_p50 1 go} | {wake_remote wake_p99 1 go} | {wake_remote wake_p50 2 go} | \
{wake_remote wake_p99 2 go} |
| Tokio | {wake_remote wake_p50 1 tokio} | {wake_remote wake_p99 1 tokio} | \
{wake_remote wake_p50 2 tokio} | {wake_remote wake_p99 2 tokio} |
| a futex between two threads | {wake_remote wake_p50 1 limit} | {wake_remote wake_p99 1 limit} | \
{wake_remote wake_p50 2 limit} | {wake_remote wake_p99 2 limit} |
"""

A_REQUEST = """
In the run of {date} an echo of 64 bytes takes, with one worker, on io_uring and on epoll, beside \
a bare loop of each:

| | rove, io_uring | rove, epoll | bare io_uring | bare epoll |
|---|---:|---:|---:|---:|
| calls, 64 connections | {echo_64x64 calls 1 rove} | {echo_64x64 calls 1 rove_epoll} | \
{echo_64x64 calls 1 raw_uring} | {echo_64x64 calls 1 raw_epoll} |
| calls, 512 connections | {echo_512x64 calls 1 rove} | {echo_512x64 calls 1 rove_epoll} | \
{echo_512x64 calls 1 raw_uring} | {echo_512x64 calls 1 raw_epoll} |
| instructions, 64 connections | {echo_64x64 instructions 1 rove} | \
{echo_64x64 instructions 1 rove_epoll} | {echo_64x64 instructions 1 raw_uring} | \
{echo_64x64 instructions 1 raw_epoll} |
| processor time, µs, 64 connections | {echo_64x64 cpu 1 rove} | {echo_64x64 cpu 1 rove_epoll} | \
{echo_64x64 cpu 1 raw_uring} | {echo_64x64 cpu 1 raw_epoll} |
"""

TEXTS = {"README.md": [README], "docs/guide/synchronisation.md": [WHAT_EACH_COSTS],
         "docs/idle.md": [ASLEEP, WOKEN], "docs/reactor-profile.md": [A_REQUEST]}
