# SPDX-License-Identifier: MIT
# The Python of 08_background.c: tasks kept alive by a set.
import asyncio

background_tasks = set()


async def coroutine(param):
    await asyncio.sleep(1)
    return param


async def main():
    for i in range(10):
        task = asyncio.create_task(coroutine(param=i))
        background_tasks.add(task)
        task.add_done_callback(background_tasks.discard)
    print(len(background_tasks), "in the background")
    await asyncio.sleep(2)
    print(len(background_tasks), "left")

asyncio.run(main())
