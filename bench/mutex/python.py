# SPDX-License-Identifier: MIT
"""asyncio's side of mutex."""
import asyncio
import sys
import time

PARAM = {n: int(v) for n, v in (a.split("=") for a in sys.argv[2:])}
counter = 0


async def add(lock, n):
    global counter
    for _ in range(n):
        async with lock:
            counter += 1


async def main(tasks, each):
    lock = asyncio.Lock()
    begin = time.perf_counter_ns()
    await asyncio.gather(*(add(lock, each) for _ in range(tasks)))
    ns = time.perf_counter_ns() - begin
    assert counter == tasks * each
    print("plain ns/lock", ns / counter)


# A tenth: each costs the same.
asyncio.run(main(PARAM["TASKS"], max(1, PARAM["LOCKS"] // PARAM["TASKS"] // 10)))
