# SPDX-License-Identifier: MIT
# The Python of 29_introspection.c: who runs, and who else.
import asyncio


async def main():
    task = asyncio.create_task(asyncio.sleep(1), name="sleeper")
    asyncio.current_task().set_name("me")
    print(asyncio.current_task().get_name(), task.get_name(), len(asyncio.all_tasks()))
    await task
    print(int(task.done()), int(task.cancelled()), len(asyncio.all_tasks()))

asyncio.run(main())
