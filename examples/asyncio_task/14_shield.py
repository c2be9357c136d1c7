# SPDX-License-Identifier: MIT
# The Python of 14_shield.c: a caller is cancelled, what it awaits is not.
import asyncio


async def something():
    await asyncio.sleep(2)
    print("something is done")
    return 42


async def caller(task):
    print(await asyncio.shield(task))


async def main():
    task = asyncio.create_task(something())
    waiting = asyncio.create_task(caller(task))
    await asyncio.sleep(1)
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        print("the caller is cancelled")
    print(await task)

asyncio.run(main())
