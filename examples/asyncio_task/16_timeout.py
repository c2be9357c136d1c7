# SPDX-License-Identifier: MIT
# The Python of 16_timeout.c: a block with ten seconds; the error ends the program.
import asyncio


async def long_running_task():
    print("started")
    await asyncio.sleep(3600)
    print("never reached")


async def limited():
    async with asyncio.timeout(10):
        await long_running_task()


async def main():
    try:
        await limited()
    except TimeoutError as error:
        print(type(error).__name__)

asyncio.run(main())
