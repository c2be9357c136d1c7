# SPDX-License-Identifier: MIT
# The Python of 18_timeout_caught.c: the error is seen outside the block.
import asyncio


async def long_running_task():
    print("started")
    await asyncio.sleep(3600)
    print("never reached")


async def main():
    try:
        async with asyncio.timeout(10):
            await long_running_task()
    except TimeoutError:
        print("it took too long, and we know")
    print("this runs in any case")

asyncio.run(main())
