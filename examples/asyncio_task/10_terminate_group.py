# SPDX-License-Identifier: MIT
# The Python of 10_terminate_group.c: a group ended by an error of its own.
import asyncio


class TerminateGroup(Exception):
    pass


async def terminate():
    raise TerminateGroup


async def job(number, seconds):
    print(f"job {number}: start")
    await asyncio.sleep(seconds)
    print(f"job {number}: done")


async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job(1, 0.5))
            group.create_task(job(2, 1.5))
            await asyncio.sleep(1)
            group.create_task(terminate())
    except* TerminateGroup:
        pass

asyncio.run(main())
