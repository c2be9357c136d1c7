# SPDX-License-Identifier: MIT
# The Python of 13_eager.c: tasks that start at once (Python 3.12).
import asyncio

cache = {"answer": 42}


async def look_up(key):
    if key not in cache:
        await asyncio.sleep(1)
        cache[key] = 0
    return cache[key]


async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    cached = asyncio.create_task(look_up("answer"))
    other = asyncio.create_task(look_up("other"))
    print(int(cached.done()), int(other.done()))
    print(await cached, await other)

asyncio.run(main())
