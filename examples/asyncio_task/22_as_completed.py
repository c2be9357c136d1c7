# SPDX-License-Identifier: MIT
# The Python of 22_as_completed.c: which is connected first (Python 3.13).
import asyncio


async def close(_reader, writer):
    writer.close()


async def main():
    server1 = await asyncio.start_server(close, "127.0.0.1", 0)
    server2 = await asyncio.start_server(close, "127.0.0.2", 0)
    port1, port2 = (s.sockets[0].getsockname()[1] for s in (server1, server2))
    connect1 = asyncio.create_task(asyncio.open_connection("127.0.0.1", port1))
    connect2 = asyncio.create_task(asyncio.open_connection("127.0.0.2", port2))
    async for earliest in asyncio.as_completed([connect1, connect2]):
        _reader, writer = await earliest
        print("first address" if earliest is connect1 else "second address")
        writer.close()
    server1.close()
    server2.close()

asyncio.run(main())
