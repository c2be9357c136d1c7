# SPDX-License-Identifier: MIT
"""asyncio's side of spawn_join."""
import asyncio
import sys
import time

PARAM = {n: int(v) for n, v in (a.split("=") for a in sys.argv[2:])}


async def child(i):
    return i


async def main(n):
    total = 0
    begin = time.perf_counter_ns()
    for i in range(n):
        total += await asyncio.create_task(child(i))
    ns = time.perf_counter_ns() - begin
    assert total == n * (n - 1) // 2
    print("plain ns/task", ns / n)


asyncio.run(main(max(1, PARAM["TASKS"] // 10)))  # a tenth: each costs the same
