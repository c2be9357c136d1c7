# SPDX-License-Identifier: MIT
# The Python of 15_shield_ignore.c: a cancellation ignored altogether.
import asyncio


async def something():
    await asyncio.sleep(2)
    print("something is done")
    return 42


async def caller(task):
    try:
        result = await asyncio.shield(task)
    except asyncio.CancelledError:
        result = None
    print("the caller goes on with", result)


async def main():
    task = asyncio.create_task(something())
    waiting = asyncio.create_task(caller(task))
    await asyncio.sleep(1)
    waiting.cancel()
    await waiting
    print(await task)

asyncio.run(main())
