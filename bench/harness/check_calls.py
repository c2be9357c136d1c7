#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the loader counts system calls right wherever it may, mounts nothing for that, and
says why where it may not.

    check_calls.py BUILD

The server is this file: two calls an echo. Refusals want root, who can be somebody with less.
"""
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import not_counted, parse_output  # noqa: E402

EACH = 2  # calls: receive, send
SECONDS = 0.2
EDGES = 4  # calls of the echoes that are under way at either end of the window
NOBODY = 65534
LESS = ["setpriv", "--bounding-set", "-sys_admin,-perfmon", "--inh-caps", "-sys_admin,-perfmon"]
MOUNTED = ["unshare", "--mount", "sh", "-c",
           'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"', "sh"]


def want(is_right, what):
    if not is_right:
        sys.exit(f"wrong: {what}")


def serve():
    """One connection; reading and writing are all that is done for an echo."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    connection = listener.accept()[0]
    with contextlib.suppress(ConnectionError):  # the loader leaves with an echo under way
        while data := os.read(connection.fileno(), 64):
            os.write(connection.fileno(), data)


def load(program, *prefix, **options):
    """(what was measured, {what was not counted: why}) of one connection."""
    with subprocess.Popen([sys.executable, os.path.abspath(__file__), "serve"],
                          stdout=subprocess.PIPE, text=True) as server:
        try:
            done = subprocess.run([*prefix, program, "closed", server.stdout.readline().strip(),
                                   "1", "64", str(SECONDS), f"pids={server.pid}"],
                                  capture_output=True, text=True, timeout=20, check=False,
                                  **options)
        finally:
            server.kill()
    want(done.returncode == 0, f"the loader: {done.stderr}")
    return parse_output(done.stdout), not_counted(done.stderr)


def mounts():
    with open("/proc/self/mountinfo") as f:
        return f.read()


def check_either(program):
    """The number, or why there is none: nothing is silent, and nothing stays mounted."""
    before = mounts()
    found, missing = load(program)
    want(mounts() == before, "something is mounted")
    want(("calls" in found) != ("system calls" in missing), f"{found} beside {missing}")
    if "calls" in found:
        calls, echoes = found["calls"][1], found["rate"][1] * SECONDS
        want(abs(calls - EACH) * echoes <= max(EDGES, 0.05 * echoes),
             f"{calls} calls an echo of {EACH}, {echoes:.0f} echoes")
    return missing.get("system calls")


def check_nobody(program):
    """Who is not root is told so."""
    found, missing = load(program, user=NOBODY, group=NOBODY, extra_groups=[])
    want("calls" not in found, "nobody counts")
    want("root can" in missing.get("system calls", ""), f"nobody is told {missing}")


def check_less(program):
    """The number of the event alone counts nothing: perf_event_open's refusal is said as well."""
    with open("/proc/sys/kernel/perf_event_paranoid") as f:
        is_open = int(f.read()) <= 1
    found, missing = load(program, *MOUNTED, *LESS)
    if is_open:
        want("calls" in found, f"who may is told {missing}")
    else:
        want("perf_event_paranoid" in missing.get("system calls", ""), f"told {missing}")


def can_mount():
    return (os.getuid() == 0 and shutil.which("setpriv") and subprocess.run(
        [*MOUNTED, "true"], capture_output=True, check=False).returncode == 0)


def main():
    loader = os.path.join(sys.argv[1], "bench", "loader")
    reason = check_either(loader)
    if can_mount():
        want(reason is None, f"root who may mount is told: {reason}")
        with tempfile.TemporaryDirectory() as folder:  # a folder that nobody can enter
            os.chmod(folder, 0o755)
            check_nobody(shutil.copy(loader, folder))
        check_less(loader)
        print("system calls are counted, and refusals said")
    else:
        print(f"not root, who may mount: {reason or 'counted'}")


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        main()
