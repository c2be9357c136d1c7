#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compile every C snippet of docs/guide.md and docs/guide/, and run those that are programs.

A block ```c that has a main is a program: it is built with the library and with all warnings, run
on one CPU on both back-ends, must end well, and, if a block ```text follows before the next
program, must print exactly that. ```c norun is built only. Any other block ```c is a piece of a
file, ```c body the inside of a coroutine: both are compiled, after the declarations that a comment
`<!-- c ... -->` earlier on the page gives. Every page must have a snippet, and every link between
pages must lead somewhere.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HANG = 60  # seconds; only turns a hang into a failure
WARNINGS = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
PIECES = ["-fsyntax-only", "-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-parameter",
          "-Wno-unused-but-set-variable"]
HEADERS = "".join(f"#include <{name}>\n" for name in (
    "rove.h", "errno.h", "fcntl.h", "netdb.h", "poll.h", "signal.h", "stdint.h", "stdio.h",
    "stdlib.h", "string.h", "sys/socket.h", "sys/stat.h", "sys/uio.h", "unistd.h"))
BLOCK = re.compile(r"^```(c|c norun|c body|text)\n(.*?)^```$|^<!-- c\n(.*?)^-->$", re.M | re.S)


def snippets(text):
    """(line number, kind, code, expected output or None, declarations so far) of each."""
    found, declarations = [], ""
    for match in BLOCK.finditer(text):
        number = text.count("\n", 0, match.start()) + 1
        kind, code = match[1], match[2]
        if kind is None:
            declarations += match[3]
        elif kind == "text":
            if found and found[-1][1] == "program" and found[-1][3] is None:
                found[-1][3] = code
        else:
            if "int main(" in code:
                kind = "built" if kind == "c norun" else "program"
            found.append([number, kind, code, None, declarations])
    return found


class Builder:
    def __init__(self, args, folder):
        self.args = args
        self.source = pathlib.Path(folder) / "snippet.c"
        self.program = pathlib.Path(folder) / "snippet"

    def compile(self, code, flags):
        self.source.write_text(code, encoding="utf-8")
        child = subprocess.run([self.args.cc, *WARNINGS, f"-I{ROOT / 'include'}", str(self.source),
                                *flags], capture_output=True, text=True, check=False)
        return None if child.returncode == 0 else child.stderr

    def piece(self, kind, code, declarations):
        if kind == "c body":
            code = ("int snippet(void *arg, void **result);\n"
                    f"int snippet(void *arg, void **result)\n{{\n{code}\nreturn 0;\n}}\n")
        return self.compile(HEADERS + declarations + code, PIECES)

    def link(self, code):
        return self.compile(code, [str(self.args.library), *self.args.libs.split(), "-o",
                                   str(self.program)])

    def run(self, expected):
        cpus = {sorted(os.sched_getaffinity(0))[0]}
        for backend in ({}, {"ROVE_BACKEND": "epoll"}):
            try:
                child = subprocess.run(
                    [self.program], env={**os.environ, **backend}, stdin=subprocess.DEVNULL,
                    capture_output=True, text=True, timeout=HANG, check=False,
                    cwd=self.program.parent, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
            except subprocess.TimeoutExpired:
                return f"still runs after {HANG} s"
            if child.returncode != 0:
                return f"exit status {child.returncode} {backend}: {child.stdout}{child.stderr}"
            if expected is not None and child.stdout != expected:
                return f"prints {backend}\n{child.stdout}instead of\n{expected}"
        return None


def check_snippet(builder, kind, code, expected, declarations):
    if kind in ("c", "c body"):
        return builder.piece(kind, code, declarations)
    return builder.link(code) or (builder.run(expected) if kind == "program" else None)


def check_links(page, text):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not (page.parent / target).exists():
            yield f"leads to {target}, which is not there"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--library", type=pathlib.Path, required=True, help="librove.a")
    parser.add_argument("--libs", default="", help="what the library needs")
    parser.add_argument("--only", default="", help="only pages whose name contains this")
    args = parser.parse_args()
    pages = [ROOT / "docs" / "guide.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
    count = failures = 0
    with tempfile.TemporaryDirectory() as folder:
        builder = Builder(args, folder)
        for page in pages:
            if args.only not in page.stem:
                continue
            name, text = page.relative_to(ROOT), page.read_text(encoding="utf-8")
            found = snippets(text)
            problems = [(1, problem) for problem in check_links(page, text)]
            if not found:
                problems.append((1, "has no snippet"))
            problems += [(number, problem) for number, *snippet in found
                         if (problem := check_snippet(builder, *snippet))]
            for number, problem in problems:
                print(f"{name}:{number}: {problem}")
            count += len(found)
            failures += len(problems)
    print(f"{len(pages)} pages, {count} snippets, {failures} problems")
    return 1 if failures or not count else 0


if __name__ == "__main__":
    sys.exit(main())
