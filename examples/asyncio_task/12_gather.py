# SPDX-License-Identifier: MIT
# The Python of 12_gather.c: three factorials side by side.
import asyncio


async def factorial(name, number):
    f = 1
    for i in range(2, number + 1):
        print(f"{name}: factorial({number}), now {i} ...")
        await asyncio.sleep(1)
        f *= i
    print(f"{name}: factorial({number}) = {f}")
    return f


async def main():
    results = await asyncio.gather(
        factorial("A", 2),
        factorial("B", 3),
        factorial("C", 4),
    )
    print(*results)

asyncio.run(main())
