# SPDX-License-Identifier: MIT
# The Python of 26_loop_in_thread.c: a loop beside the program's own thread.
import asyncio
import concurrent.futures
import contextlib


@contextlib.contextmanager
def loop_in_thread():
    started = concurrent.futures.Future()
    stop = asyncio.Event()

    async def main():
        started.set_result(asyncio.get_running_loop())
        await stop.wait()

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, main())
        loop = started.result()
        try:
            yield loop
        finally:
            loop.call_soon_threadsafe(stop.set)


async def endless():
    await asyncio.get_running_loop().create_future()


with loop_in_thread() as the_loop:
    future = asyncio.run_coroutine_threadsafe(asyncio.sleep(1, result=3), the_loop)
    print(future.result(timeout=60))
    future = asyncio.run_coroutine_threadsafe(endless(), the_loop)
    try:
        result = future.result(timeout=0.01)
    except TimeoutError:
        print("too long, cancelling it")
        future.cancel()
    except Exception as error:
        print("it raised", error)
    else:
        print("it returned", result)
