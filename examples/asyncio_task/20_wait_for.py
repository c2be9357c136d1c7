# SPDX-License-Identifier: MIT
# The Python of 20_wait_for.c: one second for an hour's work.
import asyncio


async def eternity():
    await asyncio.sleep(3600)
    print("never reached")


async def main():
    try:
        await asyncio.wait_for(eternity(), timeout=1.0)
    except TimeoutError:
        print("timeout!")

asyncio.run(main())
