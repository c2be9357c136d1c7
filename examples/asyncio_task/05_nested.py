# SPDX-License-Identifier: MIT
# The Python of 05_nested.c: await a coroutine.
import asyncio


async def nested():
    return 42


async def main():
    print(await nested())

asyncio.run(main())
