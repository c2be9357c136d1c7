#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: `rove doctor` tells the truth about machines that differ in one thing each.

Idea:    the thing is taken away for one process (a seccomp filter, a resource limit, an affinity
         mask, a variable), and the report must name it as missing, say which back-end is left, and
         still run a task on it. Without anything taken away, what it says of io_uring must agree
         with what the kernel says to a bare system call.
"""
import argparse
import ctypes
import errno
import os
import resource
import subprocess
import sys

failures = []


def expect(case, report, holds, what):
    if not holds:
        failures.append(f"{case}: {what}\n{report}")


def doctor(case, command, before=None, status=0, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "ROVE_BACKEND"} | variables
    done = subprocess.run(command, text=True, capture_output=True, timeout=60, env=environment,
                          preexec_fn=before)
    expect(case, done.stdout + done.stderr, done.returncode == status,
           f"status {done.returncode}, expected {status}")
    return done.stdout


def mark(report, what):
    """The mark of the line about `what`, and the line."""
    for line in report.splitlines():
        if line[11:11 + len(what)] == what:
            return line[2:10].strip(), line
    return "absent", ""


def expect_mark(case, report, what, wanted, part=""):
    found, line = mark(report, what)
    expect(case, report, found == wanted and part in line,
           f"'{what}' is '{found}' ({line}), expected '{wanted}' with '{part}'")


def uring_is_allowed():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(425, 1, None)
    return ctypes.get_errno() == errno.EFAULT


def check_plain(rove):
    report = doctor("plain", [rove, "doctor"])
    allowed = uring_is_allowed()
    expect_mark("plain", report, "set-up", "ok" if allowed else "missing")
    if allowed and mark(report, "a no-op, all required")[0] == "ok":
        expect_mark("plain", report, "back-end", "ok", "io_uring")
        expect_mark("plain", report, "operations", "ok", "all")
    else:
        expect_mark("plain", report, "back-end", "ok", "epoll")
    expect_mark("plain", report, "a task", "ok")


def check_refused(rove, without_uring):
    for name, text in (("EPERM", "not permitted"), ("ENOSYS", "not implemented")):
        report = doctor(name, [without_uring, name, "64", rove, "doctor"])
        expect_mark(name, report, "set-up", "missing", text)
        expect_mark(name, report, "seccomp", "note", "filter")
        expect_mark(name, report, "RLIMIT_NOFILE", "missing", "64")
        expect_mark(name, report, "back-end", "ok", "epoll")
        expect_mark(name, report, "a task", "ok")


def check_limits(rove):
    def little_memory():
        resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))

    report = doctor("RLIMIT_AS", [rove, "doctor"], little_memory)
    expect_mark("RLIMIT_AS", report, "RLIMIT_AS", "missing", str(256 << 20))
    expect_mark("RLIMIT_AS", report, "a task", "ok")
    cpu = min(os.sched_getaffinity(0))
    report = doctor("affinity", [rove, "doctor"], lambda: os.sched_setaffinity(0, {cpu}))
    expect_mark("affinity", report, "by affinity", "note", "1")
    expect_mark("affinity", report, "workers by default", "ok", "1,")
    report = doctor("wish", [rove, "doctor"], ROVE_BACKEND="epoll")
    expect_mark("wish", report, "back-end", "ok", "epoll: ROVE_BACKEND asks for it")


def check_unprivileged(rove):
    """A ring's memory counts against RLIMIT_MEMLOCK only for who may not lock what he likes."""
    if os.geteuid() != 0:
        return

    def drop():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    try:
        report = doctor("MEMLOCK", [rove, "doctor"], drop)
    except (PermissionError, subprocess.SubprocessError):
        return  # the build lies where that user may not go
    expect_mark("MEMLOCK", report, "RLIMIT_MEMLOCK", "missing", "0, hard limit 0")
    expect_mark("MEMLOCK", report, "a task", "ok")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rove", required=True)
    parser.add_argument("--without-uring", required=True)
    options = parser.parse_args()
    check_plain(options.rove)
    check_refused(options.rove, options.without_uring)
    check_limits(options.rove)
    check_unprivileged(options.rove)
    report = subprocess.run([options.rove, "nonsense"], capture_output=True, timeout=10)
    if report.returncode == 0:
        failures.append("an unknown command succeeds")
    print("\n".join(failures) or "the doctor is right about every machine tried")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
