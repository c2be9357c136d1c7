#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives http_server and echo_server from outside, as clients good and bad would.

    check_http.py --server build/examples/bin/http_server --backend epoll [--only NAME]

Every test starts its own server and ends it by a signal; exit status 0 is part of every test.
"""
import argparse
import email.utils
import json
import os
import random
import selectors
import signal
import socket
import struct
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from http_client import (Client, Failure, Server, check, check_equal,  # noqa: E402
                         raise_nofile)

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


@test
def hello():
    with http() as server, server.client() as c:
        for _ in range(3):
            a = c.get("/")
            check_equal((a.status, a.body), (200, HELLO), "answer")
            check_equal(a.headers["content-type"], "text/plain", "type")
            check("connection" not in a.headers, "no Connection header while it stays open")
            when = email.utils.parsedate_to_datetime(a.headers["date"]).timestamp()
            check(abs(when - time.time()) < 10, f"Date {a.headers['date']}")
            check(a.headers["date"].endswith(" GMT"), "Date in GMT")
        a = c.get("/", method="HEAD")
        check_equal((a.status, a.headers["content-length"]), (200, "13"), "HEAD")
        a = c.get("http://somewhere/")
        check_equal((a.status, a.body), (200, HELLO), "absolute form")
        a = c.get("/?x=y")
        check_equal((a.status, a.body), (200, HELLO), "query")


@test
def other_routes():
    with http() as server, server.client() as c:
        a = c.get("/sleep?ms=20")
        check_equal((a.status, a.body), (200, b"slept 20 ms\n"), "/sleep")
        a = c.get("/cpu?ms=5")
        check_equal((a.status, a.body), (200, b"computed 5 ms\n"), "/cpu")
        stats = json.loads(c.get("/stats").body)
        check_equal(len(stats["workers"]), 2, "workers in /stats")
        check_equal(stats["requests"], 2, "requests before this one")
        check_equal(stats["connections"], 1, "connections")
        for query in ("", "?ms=", "?ms=x", "?ms=-1", "?ms=99999999999999999999", "?ms=1&x=2",
                      "?x=1"):
            for path in ("/sleep", "/cpu"):
                check_equal(c.get(path + query).status, 400, path + query)
        for path in ("/nothing", "/sleepy", "//", "/file", "/%2f"):
            check_equal(c.get(path).status, 404, path)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            a = c.get("/", method=method)
            check_equal((a.status, a.headers["allow"]), (405, "GET, HEAD"), method)
        a = c.get("/upload")
        check_equal((a.status, a.headers["allow"]), (405, "POST"), "GET /upload")


@test
def bodies():
    with http() as server, server.client() as c:
        for size in (0, 1, 900, 1024, 5000, 100_000, 1024 * 1024):
            c.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
                   + b"x" * size)
            a = c.answer()
            check_equal((a.status, a.body), (200, b"received %d bytes\n" % size), "length")
            chunks = b"".join(b"%x\r\n%s\r\n" % (n, b"y" * n) for n in split(size))
            c.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   + chunks + b"0\r\n\r\n")
            a = c.answer()
            check_equal((a.status, a.body), (200, b"received %d bytes\n" % size), "chunked")
        c.send(b"DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + GET)
        check_equal(c.answer().status, 405, "body of a refused method is skipped")
        check_equal(c.answer().body, HELLO, "the request behind it")
        c.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
               b"Content-Length: 4\r\n\r\n")
        check_equal(c.answer().status, 100, "100 Continue")
        c.send(b"abcd")
        check_equal(c.answer().body, b"received 4 bytes\n", "after it")


def split(size):
    chooser = random.Random(size)
    while size > 0:
        n = min(size, chooser.choice((1, 10, 1000, 70_000)))
        yield n
        size -= n


@test
def refusals():
    post = "POST /upload HTTP/1.1\r\nHost: a\r\n"
    cases = {
        "too large": (413, post + "Content-Length: 1048577\r\n\r\n"),
        "chunks too large": (413, post + "Transfer-Encoding: chunked\r\n\r\n"
                             + ("10000\r\n" + "z" * 65536 + "\r\n") * 17),
        "long url": (414, "GET /" + "u" * 9000 + " HTTP/1.1\r\nHost: a\r\n\r\n"),
        "long header": (431, "GET / HTTP/1.1\r\nHost: a\r\nX: " + "h" * 9000 + "\r\n\r\n"),
        "many headers": (431, "GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 101 + "\r\n"),
        "expectation": (417, "GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n"),
        "coding": (501, post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        "version": (505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        "old version": (505, "GET /\r\n\r\n"),
        "garbage": (400, "\x16\x03\x01\x02\x00\r\n\r\n"),
        "no host": (400, "GET / HTTP/1.1\r\n\r\n"),
    }
    with http() as server:
        for name, (status, request) in cases.items():
            with server.client() as c:
                c.send(request.encode("latin-1"))
                a = c.answer()
                check_equal((a.status, a.is_closing), (status, True), name)
                c.sock.shutdown(socket.SHUT_WR)
                c.expect_end(name)


@test
def smuggling():
    """Whatever two servers could read differently is refused, and nothing behind it is answered."""
    get, post = "GET / HTTP/1.1\r\n", "POST /upload HTTP/1.1\r\nHost: a\r\n"
    chunked = "Transfer-Encoding: chunked\r\n"
    cases = {
        "space before colon": get + "Host : a\r\n\r\n",
        "space before colon of a length": post + "Content-Length : 3\r\n\r\nabc",
        "folded line": get + "Host: a\r\nX: b\r\n c\r\n\r\n",
        "folded coding": post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "length and coding": post + "Content-Length: 4\r\n" + chunked + "\r\n0\r\n\r\n",
        "coding and length": post + chunked + "Content-Length: 4\r\n\r\n0\r\n\r\n",
        "two lengths": post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "bad chunk size": post + chunked + "\r\nzz\r\nabc\r\n0\r\n\r\n",
        "chunk size with sign": post + chunked + "\r\n+3\r\nabc\r\n0\r\n\r\n",
        "NUL in a header": get + "Host: a\r\nX: a\0b\r\n\r\n",
        "bare CR": get + "Host: a\rX: b\r\n\r\n",
        "bare LF": get + "Host: a\nX: b\r\n\r\n",
        "length with plus": post + "Content-Length: +3\r\n\r\nabc",
        "length with blank": post + "Content-Length: 1 2\r\n\r\nabc",
        "length in hex": post + "Content-Length: 0x3\r\n\r\nabc",
    }
    with http() as server:
        for name, request in cases.items():
            with server.client() as c:
                c.send(request.encode("latin-1") + GET)
                a = c.answer()
                check_equal((a.status, a.is_closing), (400, True), name)
                c.sock.shutdown(socket.SHUT_WR)
                c.expect_end(name)


@test
def closing():
    with http() as server:
        with server.client() as c:
            check(c.get("/", "Connection: close\r\n").is_closing, "close is confirmed")
            c.expect_end("after close")
        with server.client() as c:
            c.send(b"GET / HTTP/1.0\r\n\r\n")
            check(c.answer().is_closing, "1.0 closes")
            c.expect_end("after 1.0")
        with server.client() as c:
            for _ in range(2):
                c.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                check_equal(c.answer().headers["connection"], "keep-alive", "1.0 stays on request")
        with server.client() as c:
            c.send(GET + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET)
            check(not c.answer().is_closing, "first")
            check(c.answer().is_closing, "second")
            c.sock.shutdown(socket.SHUT_WR)
            c.expect_end("nothing is answered after a close")
        with server.client() as c:
            c.send(GET)
            c.sock.shutdown(socket.SHUT_WR)
            check_equal(c.answer().body, HELLO, "a half-closed client gets its answer")
            c.expect_end("then the end")


@test
def pipelining():
    with http() as server:
        for depth in (1, 2, 16, 23, 40, 200, 3000):
            with server.client() as c:
                wanted = []
                for i in range(depth):
                    if i % 7 == 3:
                        body = b"p" * (i % 50)
                        wanted.append((b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: %d"
                                       b"\r\n\r\n%s" % (len(body), body),
                                       200, b"received %d bytes\n" % len(body)))
                    elif i % 11 == 5:
                        wanted.append((b"GET /n%d HTTP/1.1\r\nHost: a\r\n\r\n" % i, 404,
                                       b"404 Not Found\n"))
                    else:
                        wanted.append((GET, 200, HELLO))
                c.send(b"".join(w[0] for w in wanted))
                for i, (_, status, body) in enumerate(wanted):
                    a = c.answer()
                    check_equal((a.status, a.body), (status, body), f"answer {i} of {depth}")
        with server.client() as c:
            c.send(GET + b"GET /sleep?ms=100 HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
            bodies_seen = [c.answer().body for _ in range(3)]
            check_equal(bodies_seen, [HELLO, b"slept 100 ms\n", HELLO], "order around a sleep")
        with server.client() as c:
            check(json.loads(c.get("/stats").body)["refused"] > 0, "refused counted")


@test
def every_cut():
    """Two requests, cut in two at every byte; each piece is acknowledged before the next leaves."""
    stream = (b"POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
              b"3\r\nabc\r\n0\r\n\r\n" + GET)
    with http() as server:
        for cut in range(1, len(stream)):
            with server.client() as c:
                c.send(stream[:cut])
                wait_acknowledged(c)
                c.send(stream[cut:])
                check_equal(c.answer().body, b"received 3 bytes\n", f"cut at {cut}")
                check_equal(c.answer().body, HELLO, f"cut at {cut}")
        with server.client() as c:
            for i in range(len(stream)):
                c.send(stream[i:i + 1])
                wait_acknowledged(c)
            check_equal(c.answer().body, b"received 3 bytes\n", "byte by byte")
            check_equal(c.answer().body, HELLO, "byte by byte")


def wait_acknowledged(client):
    """Until the peer's kernel has all that was sent (TIOCOUTQ: bytes not yet acknowledged)."""
    import fcntl
    import termios
    while struct.unpack("i", fcntl.ioctl(client.sock, termios.TIOCOUTQ, b"\0" * 4))[0]:
        os.sched_yield()


@test
def files():
    top, root, content = make_root()
    with top, http("--root", root) as server, server.client() as c:
        for name, data in content.items():
            path = "/file/" + name.replace("%", "%25").replace(" ", "%20")
            a = c.get(path)
            check_equal((a.status, len(a.body)), (200, len(data)), path)
            check(a.body == data, f"content of {path}")
            a = c.get(path, method="HEAD")
            check_equal(a.headers["content-length"], str(len(data)), f"HEAD {path}")
        page = c.get("/file/deep/deeper/page.html")
        check_equal(page.headers["content-type"], "text/html", "type")
        c.send(b"GET /file/small.txt HTTP/1.1\r\nHost: a\r\n\r\n" * 20 + GET)
        for _ in range(20):
            check_equal(c.answer().body, b"small\n", "pipelined files")
        check_equal(c.answer().body, HELLO, "behind them")
        for path, status in (("", 404), ("deep", 404), ("deep/", 404), ("missing", 404),
                             ("small.txt/", 404), ("small.txt/x", 404), ("fifo", 404),
                             ("%zz", 400), ("%4", 400), ("%", 400), ("%00", 400), ("n" * 300, 404),
                             ("n" * 2000, 404)):
            check_equal(c.get("/file/" + path).status, status, path)


@test
def no_escape():
    top, root, _ = make_root()
    tries = ["../secret", "deep/../../secret", "deep/../small.txt", "./small.txt", "..", ".",
             "%2e%2e/secret", "..%2fsecret", "%2e%2e%2fsecret", "/etc/passwd", "//etc/passwd",
             "%2fetc/passwd", "link", "linkdir/secret", "linkdir/root/small.txt", "inner",
             "deep//deeper/page.html", "....//secret", "..\\secret", "deep/%2e%2e/%2e%2e/secret",
             "small.txt%00.html", "..;/secret"]
    with top, http("--root", root) as server, server.client() as c:
        for name in tries:
            a = c.get("/file/" + name)
            check(a.status in (400, 404), f"{name}: {a.status}")
            check(b"SECRET" not in a.body and b"root:" not in a.body, f"{name} leaks")
    with http() as server, server.client() as c:
        check_equal(c.get("/file/small.txt").status, 404, "without --root there are no files")


@test
def header_timeout():
    with http("--header-timeout", "0.2") as server:
        for begun in (b"G", b"GET / HTTP/1.1\r\nHost:", b"POST /upload HTTP/1.1\r\nHost: a\r\n"
                      b"Content-Length: 5\r\n\r\nab"):
            with server.client() as c:
                c.send(begun)
                a = c.answer()
                check_equal((a.status, a.is_closing), (408, True), "timeout")
                c.sock.shutdown(socket.SHUT_WR)
                c.expect_end("after 408")
        with server.client() as c:  # the time runs only while a request is incomplete
            check_equal(c.get("/sleep?ms=500").body, b"slept 500 ms\n", "slower than the timeout")
            check_equal(c.get("/").body, HELLO, "and again")


@test
def idle_timeout():
    with http("--idle-timeout", "0.3") as server:
        with server.client() as c:
            c.expect_end("a silent client")
        with server.client() as c:
            check_equal(c.get("/").body, HELLO, "answer")
            c.expect_end("a client that fell silent")


@test
def slow_reader():
    top, root, content = make_root()
    with top, http("--root", root, "--idle-timeout", "0.5") as server:
        with server.client() as c, server.client() as other:
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(4):
                c.send(b"GET /file/big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            check_equal(other.get("/").body, HELLO, "others are served meanwhile")
            # `other` falls silent too, so in the end only the connection that asks is left.
            wait_for(lambda: json.loads(fresh_get(server, "/stats"))["open"] == 1,
                     "the connection that does not read is given up")
        check_equal(len(fresh_get(server, "/file/big.bin")), len(content["big.bin"]), "big file")


def fresh_get(server, path):
    with server.client() as c:
        return c.get(path).body


def wait_for(condition, what, seconds=20):
    """Poll for something that has no event to wait on; fails only when it does not come about."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"never: {what}")


@test
def aborting_clients():
    top, root, _ = make_root()
    with top, http("--root", root) as server:
        for request in (b"", b"GET /", GET, GET * 50,
                        b"GET /file/big.bin HTTP/1.1\r\nHost: a\r\n\r\n",
                        b"GET /sleep?ms=50 HTTP/1.1\r\nHost: a\r\n\r\n"):
            for _ in range(10):
                c = server.client()
                c.send(request)
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                c.sock.close()  # a reset, not an end
        check_equal(fresh_get(server, "/"), HELLO, "still there")


@test
def half_request():
    """A stalled request holds its own task and nothing else, even with one worker."""
    with http("--workers", "1") as server, server.client() as stalled:
        stalled.send(b"GET / HTTP/1.1\r\nHo")
        wait_acknowledged(stalled)
        for _ in range(50):
            check_equal(fresh_get(server, "/"), HELLO, "another client")
        stalled.send(b"st: a\r\n\r\n")
        check_equal(stalled.answer().body, HELLO, "the stalled one, once it goes on")


@test
def cpu_holds_one_worker():
    """With two workers, requests are served while another computes."""
    with http("--workers", "2") as server, server.client() as busy, server.client() as c:
        check_equal(c.get("/").body, HELLO, "before")
        busy.send(b"GET /cpu?ms=1500 HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(30):
            check_equal(c.get("/").body, HELLO, "meanwhile, on an old connection")
            check_equal(fresh_get(server, "/"), HELLO, "meanwhile, on a new one")
        busy.sock.setblocking(False)
        try:
            early = busy.sock.recv(1)
            raise Failure(f"60 answers took longer than the computation ({early!r} was there)")
        except BlockingIOError:
            pass
        busy.sock.setblocking(True)
        check_equal(busy.answer().body, b"computed 1500 ms\n", "the computation")


class Load:
    """Many connections that each send a batch, check its answers, and send the next, until the
    server says close. A request counts as failed when it was sent and not answered in full."""

    def __init__(self, server, connections, depth):
        self.selector = selectors.DefaultSelector()
        self.depth, self.answered, self.failed, self.misplaced = depth, 0, [], 0
        for _ in range(connections):
            c = server.client()
            c.owed = 0
            self.selector.register(c.sock, selectors.EVENT_READ, c)
            self.send_batch(c)

    def send_batch(self, c):
        c.send(GET * self.depth)
        c.owed = self.depth

    def step(self):
        for key, _ in self.selector.select(timeout=20):
            c = key.data
            if not self.receive(c):
                self.selector.unregister(c.sock)
                c.sock.close()

    def receive(self, c):
        try:
            is_open = c.fill()
        except ConnectionResetError:
            is_open = False
        while b"\r\n\r\n" in c.buffer and c.buffer.index(b"\r\n\r\n") + 17 <= len(c.buffer):
            a = c.answer()
            if (a.status, a.body) != (200, HELLO):
                self.failed.append(a.body)
            self.answered += 1
            c.owed -= 1
            if a.is_closing:
                self.misplaced += c.owed != 0
                return False
            if c.owed == 0:
                self.send_batch(c)
        if not is_open and c.owed:
            self.failed.append(f"{c.owed} unanswered, {c.buffer!r}")
        return is_open


@test
def stop_under_load():
    for depth, number in ((1, signal.SIGINT), (8, signal.SIGTERM), (16, signal.SIGINT)):
        with http(stop=number) as server:
            sleeper = server.client()
            sleeper.send(GET + b"GET /sleep?ms=700 HTTP/1.1\r\nHost: a\r\n\r\n")
            check_equal(sleeper.answer().body, HELLO, "the request before the sleep")
            load = Load(server, 32, depth)
            idle = server.client()
            check_equal(idle.get("/").body, HELLO, "the idle one")
            while load.answered < 3000:
                load.step()
            server.signal()
            while load.selector.get_map():
                load.step()
            check_equal(load.failed[:3], [], f"failed requests at depth {depth}")
            check_equal(load.misplaced, 0, "close before the last answer of a batch")
            idle.expect_end("the idle connection")
            a = sleeper.answer()
            check_equal((a.body, a.is_closing), (b"slept 700 ms\n", True), "the request in flight")
            idle.sock.close()
            sleeper.sock.close()
            check_equal(server.wait(), 0, "exit status")


@test
def stop_at_once():
    with http() as server:
        pass  # no client at all: exit status 0 is checked on leaving
    with http() as server, server.client() as stalled:
        stalled.send(b"GET / HT")
        wait_acknowledged(stalled)
        server.signal()
        check_equal(server.wait(), 0, "half a request does not hold the stop up for ever")


@test
def out_of_descriptors():
    with http(nofile=64) as server:
        clients = [server.client() for _ in range(200)]
        for c in clients:
            c.send(GET)
        served = 0
        for c in clients:
            c.sock.settimeout(1.0 if served < 30 else 0.05)
            try:
                check_equal(c.answer().body, HELLO, "those that got in")
                served += 1
            except (TimeoutError, socket.timeout):
                break
        check(20 <= served < 64, f"{served} served with 64 descriptors")
        before = server.cpu_seconds()
        time.sleep(1)  # the window of a measurement
        used = server.cpu_seconds() - before
        check(used <= 0.2, f"starved for a second it used {used:.2f} s of CPU")
        for c in clients[:served]:
            c.sock.close()
        rest = clients[served:]
        for i, c in enumerate(rest):
            c.sock.settimeout(20)
            check_equal(c.answer().body, HELLO, f"waiting client {i} of {len(rest)}")
            c.sock.close()
        check_equal(fresh_get(server, "/"), HELLO, "a new client")
        lines = [line for line in server.log().splitlines() if "accept" in line]
        check(1 <= len(lines) <= 5, f"said once an episode, not {len(lines)} times")


@test
def connection_limit():
    with http("--max-connections", "4") as server:
        first = [server.client() for _ in range(4)]
        for c in first:
            check_equal(c.get("/").body, HELLO, "within the limit")
        fifth = server.client()
        fifth.send(GET)
        check_equal(first[0].get("/").body, HELLO, "the others go on")
        fifth.sock.setblocking(False)
        try:
            fifth.sock.recv(1)
            raise Failure("a fifth was served")
        except BlockingIOError:
            pass
        fifth.sock.settimeout(20)
        first[0].sock.close()
        check_equal(fifth.answer().body, HELLO, "after one left")
        for c in first[1:] + [fifth]:
            c.sock.close()


@test
def idle_connections_cost_nothing():
    count = 1000
    if not raise_nofile(count + 200):
        count = 400
    with http() as server:
        clients = [server.client() for _ in range(count)]
        for c in clients:
            check_equal(c.get("/").body, HELLO, "each is used once")
        before = server.cpu_seconds()
        time.sleep(1)  # the window of a measurement
        used = server.cpu_seconds() - before
        check(used <= 0.03, f"{count} idle connections used {used:.2f} s in a second")
        for c in clients:
            check_equal(c.get("/").body, HELLO, "and again")
            c.sock.close()


@test
def options():
    import subprocess
    for wrong in (["--nonsense"], ["--workers", "x"], ["--backend", "kqueue"], ["extra"],
                  ["--header-timeout", "-1"], ["--acceptors", "0"], ["--max-connections", "1e3"]):
        run = subprocess.run([args.server, *wrong], capture_output=True, text=True, timeout=20)
        check_equal((run.returncode, "usage" in run.stderr), (64, True), wrong)
    run = subprocess.run([args.server, "--help"], capture_output=True, text=True, timeout=20)
    check_equal((run.returncode, "--idle-timeout" in run.stdout), (0, True), "help")
    run = subprocess.run([args.server, "--address", "127.0.0.1:0", "--root", "/nonexistent"],
                         capture_output=True, text=True, timeout=20)
    check(run.returncode not in (0, -6, -11), "a missing root is an error")
    with Server(args.server, "--backend", args.backend, "--acceptors", "3", "--workers", "2") as s:
        for _ in range(20):
            check_equal(fresh_get(s, "/"), HELLO, "with three accepts in flight")
        s.signal()
        check_equal(s.wait(), 0, "exit status")
        check("requests 20" in s.output and "steals" in s.output, f"the table: {s.output}")


@test
def echo():
    if not args.echo:
        return
    with Server(args.echo, "--backend", args.backend, "--workers", "2") as server:
        data = random.Random(3).randbytes(2_000_000)
        clients = [Client(server.port) for _ in range(8)]
        for c in clients:
            for size in (1, 64, 4096, 16384):
                c.send(data[:size])
                while len(c.buffer) < size:
                    check(c.fill(), "echo ended early")
                check(c.buffer == data[:size], "echoed bytes")
                c.buffer = b""
        pump(clients[0].sock, data)
        clients[1].sock.shutdown(socket.SHUT_WR)
        clients[1].expect_end("end for end")
        server.signal()
        check_equal(server.wait(), 0, "exit status")
        check("bytes 2164360" in server.output, f"counted: {server.output}")
        for c in clients:
            c.sock.close()


def pump(sock, data):
    """Send and receive at once, as an echo of more than the kernel buffers needs."""
    got, sent = bytearray(), 0
    sock.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while len(got) < len(data):
            for _, ready in selector.select(timeout=20):
                if ready & selectors.EVENT_WRITE and sent < len(data):
                    sent += sock.send(data[sent:sent + 65536])
                    if sent == len(data):
                        selector.modify(sock, selectors.EVENT_READ)
                if ready & selectors.EVENT_READ:
                    piece = sock.recv(65536)
                    check(piece, "echo ended early")
                    got += piece
    check(bytes(got) == data, "echoed stream")


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


if __name__ == "__main__":
    sys.exit(main())
