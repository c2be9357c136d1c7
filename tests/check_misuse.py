#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""See that every public function of tasks and of what they share is called in a misuse test.

tests/api/test_misuse_*.c call each function from outside a task, with NULL, and, where it takes a
future, on handles that are done, failed, cancelled and outlived; a function that is added to one of
these headers must be called there too.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ("runtime", "task", "wait", "group", "thread", "debug", "sync", "chan", "broadcast",
           "blocking")


def declared(header):
    text = (ROOT / "include" / "rove" / f"{header}.h").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.findall(r"ROVE_API[^;{]*?\b(rove_\w+)\(", text)


def main():
    sources = sorted((ROOT / "tests" / "api").glob("test_misuse_*.c"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    names = [(header, name) for header in HEADERS for name in declared(header)]
    missing = [pair for pair in names if not re.search(rf"\b{pair[1]}\(", text)]
    for header, name in missing:
        print(f"rove/{header}.h: {name} is in no misuse test")
    print(f"{len(names)} functions, {len(missing)} missing")
    return 1 if missing or len(names) < 130 else 0


if __name__ == "__main__":
    sys.exit(main())
