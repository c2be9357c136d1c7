# SPDX-License-Identifier: MIT
"""asyncio's side of chained_spawn."""
import asyncio
import sys
import time

PARAM = {n: int(v) for n, v in (a.split("=") for a in sys.argv[2:])}


async def link(left, ran, ended, tasks):
    if left == 0:
        ended.set_result(ran + 1)
    else:  # the loop keeps no task alive that nobody refers to
        tasks[0] = asyncio.create_task(link(left - 1, ran + 1, ended, tasks))


async def main(n):
    ended, tasks = asyncio.get_running_loop().create_future(), [None]
    begin = time.perf_counter_ns()
    tasks[0] = asyncio.create_task(link(n - 1, 0, ended, tasks))
    ran = await ended
    ns = time.perf_counter_ns() - begin
    assert ran == n
    print("plain ns/task", ns / n)


asyncio.run(main(max(1, PARAM["CHAIN"] // 10)))  # a tenth: each costs the same
