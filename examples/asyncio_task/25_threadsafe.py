# SPDX-License-Identifier: MIT
# The Python of 25_threadsafe.c: a thread hands work to the loop.
import asyncio


def in_thread(loop):
    coroutine = asyncio.sleep(1, result=3)
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    print(future.result(timeout=60))


async def main():
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(in_thread, loop)

asyncio.run(main())
