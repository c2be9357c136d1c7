#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives http_server from outside: every route, every refusal, framing, smuggling, files.

    check_http.py --server build/examples/bin/http_server --backend epoll [--only NAME]

Every test starts its own server and ends it by a signal; exit status 0 is part of every test.
"""
import email.utils
import json
import os
import random
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from http_checks import GET, HELLO, http, main, make_root, test, wait_acknowledged  # noqa: E402
from http_client import check, check_equal  # noqa: E402


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


if __name__ == "__main__":
    sys.exit(main())
