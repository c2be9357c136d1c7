# SPDX-License-Identifier: MIT
# The Python of 04_task_group.c: the two in a task group.
import asyncio
import time


async def say_after(delay, what):
    await asyncio.sleep(delay)
    print(what)


async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(say_after(1, "hello"))
        group.create_task(say_after(2, "world"))
        print("started at", time.strftime("%X"))
    print("finished at", time.strftime("%X"))

asyncio.run(main())
