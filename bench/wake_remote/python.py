# SPDX-License-Identifier: MIT
"""asyncio's side of wake_remote: call_soon_threadsafe sets an event."""
import asyncio
import sys
import threading
import time

PARAM = {n: int(v) for n, v in (a.split("=") for a in sys.argv[2:])}
begin = 0


def waker(loop, wake, answer):
    global begin
    for _ in range(PARAM["WAKES"]):
        time.sleep(PARAM["GAP_US"] / 1e6)  # the loop goes to sleep meanwhile
        begin = time.perf_counter_ns()
        loop.call_soon_threadsafe(wake.set)
        answer.acquire()


async def main():
    wake, answer = asyncio.Event(), threading.Semaphore(0)
    thread = threading.Thread(target=waker, args=(asyncio.get_running_loop(), wake, answer))
    thread.start()
    late = []
    for _ in range(PARAM["WAKES"]):
        await wake.wait()
        late.append(time.perf_counter_ns() - begin)
        wake.clear()
        answer.release()
    thread.join()
    late.sort()
    n = len(late)
    for name, i in (("p50", n // 2), ("p99", n - 1 - n // 100), ("max", n - 1)):
        print(f"wake_{name} us", late[i] / 1000)


asyncio.run(main())
