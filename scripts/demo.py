# SPDX-License-Identifier: MIT
"""The second half of scripts/demo: start, check, load, check, stop, and a table for people."""
import argparse
import json
import os
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
import wrk  # noqa: E402
from http_client import Failure, Server, check, check_equal  # noqa: E402

IS_TERMINAL = sys.stdout.isatty()


def styled(code, text):
    return f"\033[{code}m{text}\033[0m" if IS_TERMINAL else text


def step(text):
    print(styled(1, f"== {text}"), flush=True)


def good(text):
    print(f"   {styled(32, 'ok')}  {text}", flush=True)


def check_answers(server, when):
    """Every route, to the byte; one connection, so keep-alive is part of it."""
    with server.client() as c:
        for path, body in (("/", b"Hello, World!"), ("/sleep?ms=10", b"slept 10 ms\n"),
                           ("/cpu?ms=2", b"computed 2 ms\n"), ("/file/demo", demo_file())):
            a = c.get(path)
            check_equal((a.status, a.body == body), (200, True), path)
        check_equal(c.get("/nothing").status, 404, "/nothing")
        check_equal(c.get("/", method="DELETE").status, 405, "DELETE /")
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
        for _ in range(100):
            check_equal(c.answer().body, b"Hello, World!", "pipelined")
        c.send(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        check_equal(c.answer().status, 400, "a space before the colon")
    good(f"{when}: every route answers exactly, 100 pipelined, bad requests refused")


def demo_file():
    return b"".join(b"line %d\n" % i for i in range(20000))


def stats(server):
    with server.client() as c:
        return json.loads(c.get("/stats").body)


def answer_size(server):
    """Of the whole answer to "/", head and all; a Date is always as long."""
    with server.client() as c:
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        while not c.buffer.endswith(b"Hello, World!"):
            check(c.fill(), "the answer ends early")
        return len(c.buffer)


def load(server, title, script, options, answer_bytes=0):
    """Run wrk, showing the rate of each second while it works."""
    step(title)
    box = {}

    def work():
        try:
            box["result"] = wrk.run(os.path.join(HERE, script), server.port, options.seconds,
                                    options.connections)
        except Exception as error:  # shown by the thread that waits
            box["error"] = error

    before = last = stats(server)
    thread = threading.Thread(target=work)
    thread.start()
    bar = 0
    while thread.is_alive():
        thread.join(1.0)
        bar += 1
        now = stats(server)
        if thread.is_alive():
            rate = now["requests"] - last["requests"]
            print(f"   {bar:2d} s  {styled(36, '#' * min(60, rate // 10000))} {rate:,} requests",
                  flush=True)
        last = now
    if "error" in box:
        raise Failure(str(box["error"]))
    wrong = wrk.complaint(box["result"], options.connections, answer_bytes)
    check(wrong is None, f"{title}: {wrong}")
    how = "all of the right size" if answer_bytes else "the text of each compared"
    good(f"{box['result']['requests']:,.0f} answers, {how}, no error of any kind")
    return box["result"], before, stats(server)


def milliseconds(us):
    return f"{us / 1000:.2f} ms"


def table(header, rows):
    texts = [header] + [[cell if isinstance(cell, str) else f"{cell:,}" for cell in row]
                        for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(header))]
    for n, row in enumerate(texts):
        line = "  ".join(cell.rjust(widths[i]) if i else cell.ljust(widths[i])
                         for i, cell in enumerate(row))
        print("   " + (styled(1, line) if n == 0 else line))
    print()


def worker_rows(before, after):
    names = ("tasks", "switches", "steals", "parks", "wakeups", "operations")
    rows = [[f"worker {b['worker']}"] + [b[n] - a[n] for n in names]
            for a, b in zip(before["workers"], after["workers"])]
    rows.append(["sum"] + [sum(row[i + 1] for row in rows) for i in range(len(names))])
    return ["", *names], rows


def report(loads):
    step("Results")
    print()
    table(["load", "requests/s", "p50", "p90", "p99", "p99.9", "max"],
          [[name, f"{r['rate']:,.0f}"] + [milliseconds(r[p]) for p in
                                          ("p50", "p90", "p99", "p999", "max")]
           for name, (r, _, _) in loads.items()])
    for name, (_, before, after) in loads.items():
        print(f"   what the workers did for \"{name}\":\n")
        table(*worker_rows(before, after))


def demo(options, root):
    with open(os.path.join(root, "demo"), "wb") as f:
        f.write(demo_file())
    step("Start")
    command = ["--backend", options.backend, "--workers", str(options.workers), "--root", root]
    with Server(options.server, *command, stop=signal.SIGINT) as server:
        good(f"listening on 127.0.0.1:{server.port}, process {server.process.pid}")
        check_answers(server, "before the load")
        what = f"{options.connections} connections, {options.seconds} s"
        loads = {
            "hello": load(server, f"Load: GET /, {what}", "../bench/http/hello.lua", options,
                          answer_size(server)),
            "mixed": load(server, f"Mixed load: 97 % /, 2 % /sleep?ms=5, 1 % /cpu?ms=1, {what}",
                          "demo.lua", options),
        }
        check_answers(server, "after the load")
        step("Stop (SIGINT)")
        begin = time.monotonic()
        server.signal()
        check_equal(server.wait(), 0, "exit status")
        good(f"ended in order, exit status 0, {time.monotonic() - begin:.2f} s")
    report(loads)


def main():
    import tempfile
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--backend", default="auto")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="rove-demo-") as root:
            demo(options, root)
    except (Failure, wrk.WrkError, OSError) as error:
        print(styled(31, f"WRONG: {error}"), file=sys.stderr)
        return 1
    print(styled(32, "All answers were right."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
