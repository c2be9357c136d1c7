# SPDX-License-Identifier: MIT
"""asyncio's side of channel: a Queue, at least of one; a None each tells the receivers that it is
over."""
import asyncio
import sys
import time

PARAM = {n: int(v) for n, v in (a.split("=") for a in sys.argv[2:])}


async def send(queue, n):
    for i in range(1, n + 1):
        await queue.put(i)


async def receive(queue):
    total = 0
    while (n := await queue.get()) is not None:
        total += n
    return total


async def main(senders, receivers, each):
    queue = asyncio.Queue(max(1, PARAM["BUFFER"]))  # 0 would be without bound
    begin = time.perf_counter_ns()
    tasks = [asyncio.create_task(receive(queue)) for _ in range(receivers)]
    await asyncio.gather(*(send(queue, each) for _ in range(senders)))
    for _ in range(receivers):
        await queue.put(None)
    total = sum(await asyncio.gather(*tasks))
    ns = time.perf_counter_ns() - begin
    assert total == senders * each * (each + 1) // 2
    print("plain ns/message", ns / (senders * each))


# A twentieth: each costs the same.
asyncio.run(main(PARAM["SENDERS"], PARAM["RECEIVERS"],
                 max(1, PARAM["TRANSFERS"] // PARAM["SENDERS"] // 20)))
