# SPDX-License-Identifier: MIT
# The Python of 03_create_task.c: the two as tasks.
import asyncio
import time


async def say_after(delay, what):
    await asyncio.sleep(delay)
    print(what)


async def main():
    task1 = asyncio.create_task(say_after(1, "hello"))
    task2 = asyncio.create_task(say_after(2, "world"))
    print("started at", time.strftime("%X"))
    await task1
    await task2
    print("finished at", time.strftime("%X"))

asyncio.run(main())
