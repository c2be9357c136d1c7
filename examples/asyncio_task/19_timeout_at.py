# SPDX-License-Identifier: MIT
# The Python of 19_timeout_at.c: a deadline on the loop's clock.
import asyncio


async def long_running_task():
    print("started")
    await asyncio.sleep(3600)
    print("never reached")


async def main():
    deadline = asyncio.get_running_loop().time() + 20
    try:
        async with asyncio.timeout_at(deadline):
            await long_running_task()
    except TimeoutError:
        print("it took too long, and we know")
    print("this runs in any case")

asyncio.run(main())
