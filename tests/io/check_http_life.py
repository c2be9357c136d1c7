#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives http_server and echo_server through their lives: deadlines, stalls, limits, stopping.

    check_http_life.py --server build/examples/bin/http_server --backend epoll [--only NAME]
                       [--echo build/examples/bin/echo_server]
"""
import json
import os
import random
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import http_checks  # noqa: E402
from http_checks import (GET, HELLO, fresh_get, http, main, make_root, test,  # noqa: E402
                         wait_acknowledged)
from http_client import Client, Failure, Server, check, check_equal, raise_nofile  # noqa: E402


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
    """With two workers, requests are served while another computes: it goes on until they are."""
    with http("--workers", "2") as server, server.client() as busy, server.client() as c:
        check_equal(c.get("/").body, HELLO, "before")
        busy.send(b"GET /cpu?others=60 HTTP/1.1\r\nHost: a\r\n\r\n")
        while not select.select([busy.sock], [], [], 0)[0]:  # who knows how many it came after
            check_equal(c.get("/").body, HELLO, "meanwhile, on an old connection")
            check_equal(fresh_get(server, "/"), HELLO, "meanwhile, on a new one")
        check_equal(busy.answer().body, b"computed during 60 others\n", "the computation")


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
            load = Load(server, 32, depth)
            idle = server.client()
            check_equal(idle.get("/").body, HELLO, "the idle one")
            while load.answered < 3000:
                load.step()
            sleeper = server.client()
            sleeper.send(GET + b"GET /sleep?ms=700 HTTP/1.1\r\nHost: a\r\n\r\n")
            check_equal(sleeper.answer().body, HELLO, "the request before the sleep")
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
            c.sock.settimeout(20 if served < 30 else 0.05)
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
        # A second episode, if the new client came before the last descriptors were closed.
        check(1 <= len(lines) <= 2, f"said once an episode, not {len(lines)} times")


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


def run_server(*options):
    return subprocess.run([http_checks.args.server, *options], capture_output=True, text=True,
                          timeout=20)


@test
def options():
    for wrong in (["--nonsense"], ["--workers", "x"], ["--backend", "kqueue"], ["extra"],
                  ["--header-timeout", "-1"], ["--acceptors", "-1"],
                  ["--max-connections", "1e3"]):
        run = run_server(*wrong)
        check_equal((run.returncode, "usage" in run.stderr), (64, True), wrong)
    run = run_server("--help")
    check_equal((run.returncode, "--idle-timeout" in run.stdout), (0, True), "help")
    run = run_server("--address", "127.0.0.1:0", "--root", "/nonexistent")
    check_equal(run.returncode, 1, "a missing root is an error")
    path, backend = http_checks.args.server, http_checks.args.backend
    with Server(path, "--backend", backend, "--acceptors", "3", "--workers", "2") as server:
        for _ in range(20):
            check_equal(fresh_get(server, "/"), HELLO, "with three accepts in flight")
        server.signal()
        check_equal(server.wait(), 0, "exit status")
        check("requests 20" in server.output, f"the table: {server.output}")
        check("steals" in server.output, f"the table: {server.output}")


@test
def echo():
    if not http_checks.args.echo:
        return
    path, backend = http_checks.args.echo, http_checks.args.backend
    with Server(path, "--backend", backend, "--workers", "2") as server:
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


if __name__ == "__main__":
    sys.exit(main())
