#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: each public header compiles alone, twice, and in any order, as C11 and as C++17.

Idea:    every compiler of the machine judges: gcc and clang, strict ISO and with _GNU_SOURCE, at
         the warnings we promise our users. A program that names macros and array parameters stands
         beside the headers, as those are where C and C++ part.
"""
import concurrent.futures
import pathlib
import random
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"
FLAGS = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -fsyntax-only".split()
DIALECTS = [
    ("gcc", "c", ["-std=c11", "-Wstrict-prototypes"]),
    ("gcc", "c", ["-std=gnu11", "-D_GNU_SOURCE", "-Wstrict-prototypes"]),
    ("clang", "c", ["-std=c11", "-Wstrict-prototypes"]),
    ("clang", "c", ["-std=gnu11", "-D_GNU_SOURCE", "-Wstrict-prototypes"]),
    ("g++", "c++", ["-std=c++17"]),
    ("clang++", "c++", ["-std=c++17"]),
]
# System headers a user may have included first; order must not matter to them either.
STRANGERS = ["<errno.h>", "<signal.h>", "<stdio.h>", "<netdb.h>", "<sys/stat.h>"]
USE = """
static const rove_duration pause_ = ROVE_SEC(0.5);
static rove_mutex mutex_;
static rove_local key_;
int use_(rove_future *a, rove_future *b);
int use_(rove_future *a, rove_future *b)
{
    rove_future *const both[2] = {a, b};
    void *results[2];
    bool done[2];
    rove_timeout t;
    rove_timeout_enter(&t, pause_ + ROVE_MS(1) + ROVE_US(2) + ROVE_NS(3));
    int rc = rove_gather(2, both, results);
    if (rove_wait(2, both, ROVE_ALL_COMPLETED, ROVE_FOREVER, done) < 0)
        rc = -ETIMEDOUT;
    rove_mutex_unlock(&mutex_);
    return rove_timeout_exit(&t, rc) + (rove_local_get(&key_) != 0);
}
"""


def cases(headers):
    for header in headers:
        yield f"{header} alone", [header, header], ""
    everything = [h for h in headers if h != "<rove.h>"]
    yield "all, backwards", everything[::-1], ""
    for seed in range(3):
        mixed = everything + STRANGERS
        random.Random(seed).shuffle(mixed)
        yield f"shuffled with seed {seed}", mixed, ""
    yield "a program", ["<rove.h>"], USE
    yield "a program with errno", ["<rove/errno.h>", "<rove.h>"], USE + "int e_(void);\n" \
        "int e_(void) { errno = 0; return errno; }\n"


def compile_one(case, dialect):
    title, includes, body = case
    compiler, language, flags = dialect
    source = "".join(f"#include {i}\n" for i in includes) + body + "typedef int not_empty_;\n"
    run = subprocess.run([compiler, *FLAGS, *flags, f"-I{INCLUDE}", "-x", language, "-"],
                         input=source, text=True, capture_output=True)
    if run.returncode != 0:
        return f"{compiler} {' '.join(flags)}: {title}\n{run.stderr}"
    return None


def main():
    headers = ["<rove.h>"] + sorted(f"<rove/{p.name}>" for p in (INCLUDE / "rove").glob("*.h"))
    dialects = [d for d in DIALECTS if shutil.which(d[0])]
    if not dialects:
        sys.exit("no compiler found")
    jobs = [(c, d) for d in dialects for c in cases(headers)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        failures = [f for f in pool.map(lambda j: compile_one(*j), jobs) if f]
    print("\n".join(failures[:5]))
    print(f"{len(headers)} headers, {len(dialects)} dialects, {len(jobs)} compilations, "
          f"{len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
