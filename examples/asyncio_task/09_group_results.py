# SPDX-License-Identifier: MIT
# The Python of 09_group_results.c: results of a group's tasks.
import asyncio


async def double(x):
    await asyncio.sleep(1)
    return 2 * x


async def main():
    async with asyncio.TaskGroup() as group:
        task1 = group.create_task(double(1))
        task2 = group.create_task(double(2))
    print(f"both have ended: {task1.result()}, {task2.result()}")

asyncio.run(main())
