# SPDX-License-Identifier: MIT
# The Python of 01_hello.c: hello, a second, world.
import asyncio


async def main():
    print("hello")
    await asyncio.sleep(1)
    print("world")

asyncio.run(main())
