# SPDX-License-Identifier: MIT
# The Python of 07_future.c: await futures that a call handed out.
import asyncio


def eventually(value):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_later(1, future.set_result, value)
    return future


async def coroutine():
    await asyncio.sleep(1)
    return "returned"


async def main():
    print(await eventually("set"))
    print(*await asyncio.gather(eventually("set again"), coroutine()), sep=", ")

asyncio.run(main())
