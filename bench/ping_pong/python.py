# SPDX-License-Identifier: MIT
"""asyncio's side of ping_pong: two queues of one, its smallest."""
import asyncio
import sys
import time

PARAM = {n: int(v) for n, v in (a.split("=") for a in sys.argv[2:])}


async def partner(there, back, n):
    for _ in range(n):
        await back.put(await there.get() + 1)


async def main(n):
    there, back = asyncio.Queue(1), asyncio.Queue(1)
    task = asyncio.create_task(partner(there, back, n))
    total = 0
    begin = time.perf_counter_ns()
    for i in range(n):
        await there.put(i)
        total += await back.get()
    ns = time.perf_counter_ns() - begin
    await task
    assert total == n * (n + 1) // 2
    print("plain ns/trip", ns / n)


asyncio.run(main(max(1, PARAM["TRIPS"] // 20)))  # a twentieth: each costs the same
