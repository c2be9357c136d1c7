# SPDX-License-Identifier: MIT
"""asyncio's side of spawn_many: create and gather."""
import asyncio
import sys
import time

PARAM = {n: int(v) for n, v in (a.split("=") for a in sys.argv[2:])}


async def child(i):
    return i


async def main(n):
    begin = time.perf_counter_ns()
    total = sum(await asyncio.gather(*(child(i) for i in range(n))))
    ns = time.perf_counter_ns() - begin
    assert total == n * (n - 1) // 2
    print("plain ns/task", ns / n)


asyncio.run(main(PARAM["TASKS"]))
