# SPDX-License-Identifier: MIT
# The Python of 11_display_date.c: the date, once a second.
import asyncio
import datetime


async def display_date():
    loop = asyncio.get_running_loop()
    end_time = loop.time() + 5.0
    while True:
        print(datetime.datetime.now().strftime("%Y-%m-%d %X"))
        if loop.time() + 1.0 >= end_time:
            break
        await asyncio.sleep(1)

asyncio.run(display_date())
