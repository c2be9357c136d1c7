# SPDX-License-Identifier: MIT
# The Python of 28_uncancel.c: a timeout touches its own block only.
import asyncio


async def make_request():
    await asyncio.sleep(0.5)
    print("one request")


async def make_another_request():
    await asyncio.sleep(3600)


async def unrelated_code():
    await asyncio.sleep(1)
    print("unrelated code,", asyncio.current_task().cancelling(), "requests to cancel")


async def make_request_with_timeout():
    try:
        async with asyncio.timeout(1):
            await make_request()
            await make_another_request()
    except TimeoutError:
        print("there was a timeout")
    await unrelated_code()

asyncio.run(make_request_with_timeout())
