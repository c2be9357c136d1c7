#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: what is shipped is hardened: docs/security.md.

Idea:    readelf and nm look at the shared library and the installed program: segments, flags,
         relocations, what is exported, and whether the compiler's protections left their traces.
"""
import argparse
import re
import subprocess
import sys


def tool(*command):
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


def check_segments(path):
    headers = tool("readelf", "-lW", path)
    stack = re.search(r"GNU_STACK.*\s(R[W ][E ])\s", headers)
    if not stack or "E" in stack.group(1):
        yield "its stack is executable, or it does not say"
    if "GNU_RELRO" not in headers:
        yield "no segment is made read-only after relocation"
    for line in headers.splitlines():
        if line.split()[:1] == ["LOAD"] and re.search(r"\sRWE\s", line):
            yield f"a segment is writable and executable: {line.strip()}"


def check_dynamic(path):
    dynamic = tool("readelf", "-dW", path)
    if "NOW" not in dynamic:
        yield "symbols are bound lazily"
    if "TEXTREL" in dynamic:
        yield "its code is relocated"
    if re.search(r"RPATH|RUNPATH", dynamic):
        yield "it looks for libraries where it was built"


def check_compiled(path):
    symbols = tool("nm", "-D", "--undefined-only", path)
    if "__stack_chk_fail" not in symbols:
        yield "no function checks its stack's canary"
    if not re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", "")):
        yield "no call of libc is fortified"


def check_exports(path):
    defined = tool("nm", "-D", "--defined-only", path)
    names = [line.split()[-1].split("@")[0] for line in defined.splitlines() if " A " not in line]
    if not names:
        yield "nothing is exported"
    for name in names:
        if not name.startswith("rove_"):
            yield f"{name} is exported"


def check_library(path):
    yield from check_exports(path)
    if "NODELETE" not in tool("readelf", "-dW", path):
        yield "it can be unloaded under its threads"


def check_program(path):
    if "DYN" not in re.search(r"Type:\s+(\S+)", tool("readelf", "-hW", path)).group(1):
        yield "it is not position-independent"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", required=True)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    found = []
    for path, own in ((options.library, check_library), (options.program, check_program)):
        for check in (check_segments, check_dynamic, check_compiled, own):
            found += [f"{path}: {what}" for what in check(path)]
    print("\n".join(found) or "hardened")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
