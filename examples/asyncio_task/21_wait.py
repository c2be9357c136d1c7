# SPDX-License-Identifier: MIT
# The Python of 21_wait.c: wait for some, then for all.
import asyncio


async def main():
    aws = [asyncio.create_task(asyncio.sleep(i)) for i in (1, 3, 5)]
    done, pending = await asyncio.wait(aws, timeout=2)
    print(len(done), "done", len(pending), "pending")
    done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    print(len(done), "done", len(pending), "pending")
    done, pending = await asyncio.wait(aws)
    print(len(done), "done", len(pending), "pending")

asyncio.run(main())
