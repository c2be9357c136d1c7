# SPDX-License-Identifier: MIT
# The Python of 17_reschedule.c: a deadline that is known later.
import asyncio


async def long_running_task():
    print("started")
    await asyncio.sleep(3600)
    print("never reached")


async def main():
    try:
        async with asyncio.timeout(None) as timeout:
            deadline = asyncio.get_running_loop().time() + 10
            timeout.reschedule(deadline)
            await long_running_task()
    except TimeoutError:
        pass
    if timeout.expired():
        print("not finished in time")

asyncio.run(main())
