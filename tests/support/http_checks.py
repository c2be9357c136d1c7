# SPDX-License-Identifier: MIT
"""What the checks of the HTTP server share: their options, a document root, a runner of tests."""
import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback

from http_client import Failure, Server

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HELLO = b"Hello, World!"
TESTS = []
args = None


def test(function):
    TESTS.append(function)
    return function


def http(*options, **more):
    return Server(args.server, "--backend", args.backend, "--workers", "2", "--quiet", *options,
                  **more)


def fresh_get(server, path):
    with server.client() as c:
        return c.get(path).body


def wait_acknowledged(client):
    """Until the peer's kernel has all that was sent (TIOCOUTQ: bytes not yet acknowledged)."""
    import fcntl
    import struct
    import termios
    while struct.unpack("i", fcntl.ioctl(client.sock, termios.TIOCOUTQ, b"\0" * 4))[0]:
        os.sched_yield()


def make_root():
    """A document root with everything that must and must not be served."""
    top = tempfile.TemporaryDirectory(prefix="rove-http-")
    root = os.path.join(top.name, "root")
    os.makedirs(os.path.join(root, "deep", "deeper"))
    big = random.Random(7).randbytes(3_000_001)
    files = {"small.txt": b"small\n", "empty": b"", "big.bin": big, "two words": b"two\n",
             "deep/deeper/page.html": b"<p>deep</p>\n", "a%b": b"percent\n", "..dots": b"dots\n"}
    for name, content in files.items():
        with open(os.path.join(root, name), "wb") as f:
            f.write(content)
    with open(os.path.join(top.name, "secret"), "wb") as f:
        f.write(b"SECRET")
    os.symlink("../secret", os.path.join(root, "link"))
    os.symlink("..", os.path.join(root, "linkdir"))
    os.symlink("small.txt", os.path.join(root, "inner"))
    os.mkfifo(os.path.join(root, "fifo"))
    return top, root, files


def main():
    global args
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--echo")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--only", action="append")
    args = parser.parse_args()
    signal.alarm(170)  # whatever hangs, this ends
    failures = 0
    for function in TESTS:
        if args.only and function.__name__ not in args.only:
            continue
        begin = time.monotonic()
        try:
            function()
            print(f"ok      {function.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
        except Exception as error:  # a failing test must not hide the others
            failures += 1
            print(f"FAILED  {function.__name__}: {error}", flush=True)
            if not isinstance(error, Failure):
                traceback.print_exc()
    print(f"{failures} failures on {args.backend}")
    return 1 if failures else 0
