#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: hold the tree to the rules of docs/contributing.md that a machine can check.

Idea:    each rule is a function check_<rule>(tree) that yields "file:line: what is wrong". Comments
         and strings are blanked before code is searched, so that prose may speak of anything. The
         lists of exceptions stand at the top of this file and in tests/style_excused.txt; they may
         only shrink. tests/check_style_itself.py breaks each rule once and sees it found.
"""
import argparse
import pathlib
import re
import subprocess
import sys

LAYERS = ["include", "core", "sched", "io"]  # an include points to the same or an earlier one
C_FOLDERS = LAYERS + ["tests", "examples", "bench"]
MAX_FILE, MAX_FUNCTION, MAX_LINE = 500, 50, 100

KERNEL_HEADERS = re.compile(r"<(liburing|sys/epoll|sys/socket|sys/eventfd|netdb|netinet/|arpa/)")
KERNEL_HEADERS_PUBLIC = {"include/rove/io.h"}  # its prototypes name sockaddr and msghdr

# What only a few files may use: (words, folders, files that may).
OWNED_WORDS = [
    (r"__atomic_\w+|__sync_\w+|atomic_\w+|memory_order\w*|_Atomic|stdatomic",
     ["core", "sched", "io"], {"core/atomic.h"}),
    (r"_Thread_local|__thread|thread_local", LAYERS, {"sched/current.c"}),
    (r"errno", ["core", "sched"], {"core/os.c", "core/os_cpu.c", "core/error.c"}),
    (r"pthread_\w+", ["core", "sched", "io"], {"core/os.c", "core/os.h", "core/os_sim.c",
                                             "core/os_process.c", "io/kick.c",
                                             "sched/pool.c",
                                             "sched/worker.h"}),
    (r"usleep|nanosleep|clock_nanosleep|sleep", ["tests"], set()),
]
# Allocation belongs to cold paths: each file with its reason.
MALLOC = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free|aligned_alloc|posix_memalign)\s*\(")
MALLOC_FILES = {
    "core/backlog.c": "the array that grows",
    "core/cores_lines.c": "the table of lines, in a simulation",
    "core/deque.c": "rings that grow",
    "core/heap.c": "the array that grows",
    "core/block.c": "a pool, once a runtime; its slabs and free list",
    "core/stack.c": "a pool, once a runtime",
    "core/stack_slab.c": "side arrays, once a slab",
    "sched/steal.c": "what a worker has seen of the others, once a worker",
    "sched/as_completed.c": "one block an iteration, as documented",
    "sched/broadcast.c": "the ring, once a broadcast; one a subscriber",
    "sched/call.c": "a handle a callback, as documented",
    "sched/call_graph.c": "nodes and edges of one graph, freed with it",
    "sched/callback.c": "call_soon and done callbacks: one each, as documented",
    "sched/chan.c": "one block a channel",
    "core/os_process.c": "the list of threads that a look for deadlocks asks for",
    "sched/deadlock.c": "the lists of tasks and threads of one look",
    "sched/debug.c": "in debug mode, a future and its record",
    "sched/future.c": "hand-set futures: one each, as documented",
    "sched/gather.c": "handles of a gather of many calls",
    "sched/group.c": "chunks of children",
    "sched/group_errors.c": "error codes beyond those in place",
    "sched/high_water.c": "in debug mode, the table, once a runtime",
    "sched/hold.c": "in debug mode, a record for each mutex that is held",
    "sched/idle.c": "the worker bitmaps, once a runtime",
    "sched/local.c": "the values of a task that has any",
    "sched/latest.c": "one block a watch",
    "sched/pool.c": "the pool, once a runtime; a struct a thread",
    "sched/many.c": "cells of a wait for many",
    "sched/queue.c": "the queue, and its array that grows",
    "sched/select.c": "cells of a select of many cases",
    "sched/runtime.c": "the runtime and its workers; lists of tasks at the stop",
    "sched/runtime_tools.c": "a list of tasks, for who looks at all of them",
    "sched/task.c": "a copied name; a task itself is its stack's block",
    "sched/watch.c": "the monitor, once a runtime",
    "io/epoll.c": "the back-end, once a runtime",
    "io/fdtab.c": "pages of the descriptor table, once each",
    "io/resolve.c": "a lookup and its arguments, which outlive a cancelled caller",
    "io/dial.c": "the addresses and tasks of one dial",
    "io/process.c": "one block a child, and the output that is handed over",
    "io/process_spawn.c": "the name of a program, directory by directory",
    "io/ring_sim.c": "in a simulation: a ring's memory, which the kernel has",
    "io/sim_file.c": "in a simulation: the kernel's files",
    "io/sim_op.c": "in a simulation: the kernel's operations",
    "io/server.c": "the server, and one block a connection",
    "io/stream.c": "one block a stream",
    "io/stream_read.c": "the block of the input, made when it is needed",
    "io/stream_write.c": "chunks of the output, made when they are needed",
    "io/steer.c": "the table of CPUs, once a runtime",
    "io/uring_create.c": "the back-end, once a worker",
}

DOC_PARTS = [(r"\bReturns ", "Returns"), (r"\bThreads: ", "Threads"), (r"\bSuspends: ", "Suspends"),
             (r"\bCost: ", "Cost"), (r"^ \* (asyncio|Go|Man): ", "asyncio, Go or Man")]
ORDERED = re.compile(r"\brv_(?:(?:load|store|exchange|cas|cas_weak|fetch_\w+?)_"
                     r"(?:acquire|release|acq_rel|seq_cst)|"
                     r"fence_(?:full|after_update|light|heavy|acquire|release))\s*\(")
ORDER_TAG = re.compile(r"order: [\w ,]*?([A-Z]+\d+)\b")
PATH_STOP = re.compile(r"PATH (\d+)/14(?: -> (\S+) (\w+))?")
COMMENT_OR_STRING = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


class File:
    """One source file: its text, and its code with comments and strings blanked."""

    def __init__(self, root, path):
        self.name = path.relative_to(root).as_posix()
        self.layer = self.name.split("/")[0]
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.is_c = path.suffix in (".c", ".h")
        self.code = COMMENT_OR_STRING.sub(blank, self.text) if self.is_c else self.text
        self.code_lines = self.code.split("\n")
        self.comments = [m.group(0) for m in COMMENT_OR_STRING.finditer(self.text)
                         if m.group(0).startswith("/")] if self.is_c else []

    def includes(self):
        for number, line in enumerate(self.lines, 1):
            found = re.match(r'\s*#\s*include\s*([<"][^>"]+[>"])', line)
            if found:
                yield number, found.group(1)

    def functions(self):
        """Bodies that open with a brace in the first column: (name, line, length)."""
        start = None
        for number, line in enumerate(self.code_lines, 1):
            if line.rstrip() == "{":
                start = number
            elif line.rstrip() == "}" and start is not None:
                head = "\n".join(self.code_lines[max(0, start - 9):start - 1])
                head = re.split(r"[;}]", head)[-1]
                names = re.findall(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head))
                names = [n for n in names if not n.startswith("RV_")] or names
                yield (names[0] if names else "?"), start, number - start + 1
                start = None


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.files = [File(self.root, p) for folder in C_FOLDERS
                      for p in sorted((self.root / folder).rglob("*"))
                      if p.suffix in (".c", ".h", ".py") and p.is_file()]
        self.by_name = {f.name: f for f in self.files}
        self.c_files = [f for f in self.files if f.is_c]
        self.library = [f for f in self.c_files if f.layer in LAYERS]

    def target(self, include):
        """The file of ours that an include names, or None."""
        name = include[1:-1]
        return self.by_name.get(name) or self.by_name.get("include/" + name)


def check_layers(tree):
    for file in tree.library:
        for number, include in file.includes():
            other = tree.target(include)
            if other and LAYERS.index(file.layer) < (
                    LAYERS.index(other.layer) if other.layer in LAYERS else len(LAYERS)):
                yield f"{file.name}:{number}: include points up: {include}"
            if include[0] == '"' and other is None and "rv_model_" not in include:
                yield f"{file.name}:{number}: no such file: {include}"
            if (KERNEL_HEADERS.match(include) and file.layer != "io"
                    and file.name not in KERNEL_HEADERS_PUBLIC):
                yield f"{file.name}:{number}: kernel I/O header outside io/: {include}"


def check_cycles(tree):
    graph = {f.name: [t.name for _, i in f.includes() if (t := tree.target(i))]
             for f in tree.library}
    state = {}

    def walk(name, trail):
        state[name] = "open"
        for other in graph.get(name, []):
            if state.get(other) == "open":
                cycle = trail[trail.index(other):] if other in trail else [name]
                yield f"{name}:1: include cycle: {' -> '.join(cycle + [other])}"
            elif other not in state:
                yield from walk(other, trail + [other])
        state[name] = "done"

    for name in graph:
        if name not in state:
            yield from walk(name, [name])


def check_sizes(tree):
    excused = {}
    list_name = "tests/style_excused.txt"
    list_file = tree.root / list_name
    for line in list_file.read_text().split("\n") if list_file.exists() else []:
        if line and not line.startswith("#"):
            place, length, reason = line.split(None, 2)
            excused[place] = int(length)
    seen = set()
    for file in tree.files:
        if len(file.lines) > MAX_FILE:
            yield f"{file.name}:{MAX_FILE + 1}: {len(file.lines)} lines in the file"
        for number, line in enumerate(file.lines, 1):
            if len(line) > MAX_LINE:
                yield f"{file.name}:{number}: {len(line)} columns"
        for name, line, length in file.functions() if file.is_c else []:
            place = f"{file.name}:{name}"
            limit = max(excused.get(place, 0), MAX_FUNCTION)
            if length > limit:
                yield f"{file.name}:{line}: {name} has {length} lines"
            elif place in excused:
                seen.add(place)
                if length < excused[place]:
                    yield f"{list_name}:1: {place} shrank to {length}: lower its number"
    for place in excused.keys() - seen:
        yield f"{list_name}:1: {place} is gone or over its number"


def check_licence(tree):
    for file in tree.files:
        head = "\n".join(file.lines[:2])
        if "SPDX-License-Identifier: MIT" not in head:
            yield f"{file.name}:1: no SPDX line at the top"


def check_owned_words(tree):
    for words, folders, owners in OWNED_WORDS:
        pattern = re.compile(rf"(?<![\w.>])({words})\b(?!\.h)" if words == "errno"
                             else rf"(?<![\w.>])({words})\b")
        for file in tree.c_files:
            if file.layer not in folders or file.name in owners:
                continue
            for number, line in enumerate(file.code_lines, 1):
                found = pattern.search(line)
                if found:
                    yield f"{file.name}:{number}: {found.group(1)} belongs to " \
                          f"{', '.join(sorted(owners)) or 'nobody'}"


def check_malloc(tree):
    for file in tree.library:
        for number, line in enumerate(file.code_lines, 1):
            found = MALLOC.search(line)
            if found and file.name not in MALLOC_FILES:
                yield f"{file.name}:{number}: {found.group(1)}: this file has no leave to allocate"


def check_unfinished(tree):
    for file in tree.files:
        if file.name.startswith("tests/check_style"):
            continue
        for number, line in enumerate(file.lines, 1):
            found = re.search(r"\b(TODO|FIXME|XXX)\b|^\s*#\s*if 0\b", line)
            if found:
                yield f"{file.name}:{number}: unfinished: {line.strip()[:60]}"


def check_documented(tree):
    """Every ROVE_API declaration has a doc comment with all parts and is used somewhere."""
    users = "\n".join(f.code for f in tree.c_files if f.layer in ("tests", "examples", "bench"))
    for file in tree.library:
        if file.layer != "include":
            continue
        for match in re.finditer(r"^ROVE_API\b([^;]*);", file.code, re.MULTILINE):
            number = file.code.count("\n", 0, match.start()) + 1
            name = re.search(r"(\w+)\s*\(", match.group(1)).group(1)
            before = file.text[:match.start()].rstrip()
            comment = before[before.rfind("/**"):] if before.endswith("*/") else ""
            if not comment.startswith("/**") or comment.count("*/") != 1:
                yield f"{file.name}:{number}: {name} has no doc comment"
                continue
            at = 0
            for pattern, title in DOC_PARTS:
                found = re.search(pattern, comment[at:], re.MULTILINE)
                if not found:
                    yield f"{file.name}:{number}: {name}: no \"{title}\" in its place"
                    break
                at += found.start()
            if not re.search(rf"\b{name}\b", users):
                yield f"{file.name}:{number}: {name} stands in no example and no test"


def order_comment(file, index):
    """The comment above line `index` that argues for its order; a statement may span lines."""
    for line in reversed(file.lines[max(0, index - 7):index + 1]):
        found = ORDER_TAG.search(line)
        if found:
            return found.group(1)
        if line in ("}", "{", "") and line is not file.lines[index]:
            return None
    return None


def check_orders(tree):
    tags = {}
    for file in tree.library:
        for number, line in enumerate(file.lines, 1):
            for tag in ORDER_TAG.findall(line):
                tags.setdefault(tag, []).append(f"{file.name}:{number}")
        if file.name == "core/atomic.h":
            continue
        for index, line in enumerate(file.code_lines):
            if ORDERED.search(line) and order_comment(file, index) is None:
                yield f"{file.name}:{index + 1}: a memory order without its /* order: TAG. */"
    prose = tree.root / "docs/memory-order.md"
    text = prose.read_text(encoding="utf-8") if prose.exists() else None
    for tag, places in sorted(tags.items()):
        if len(places) < 2:
            yield f"{places[0]}: order {tag} has no partner: one site only"
        if text is not None and not re.search(rf"\b{tag}\b", text):
            yield f"{places[0]}: order {tag} has no paragraph in docs/memory-order.md"


def check_path(tree):
    stops = {}
    for file in tree.library:
        for number, line in enumerate(file.lines, 1):
            for stop, target, function in PATH_STOP.findall(line):
                where = f"{file.name}:{number}"
                if stop in stops:
                    yield f"{where}: PATH {stop} stands at {stops[stop]} too"
                stops[stop] = where
                other = tree.by_name.get(target)
                if target and (other is None or not re.search(
                        rf"^[^\n;=]*\b{function}\s*\(", other.code, re.MULTILINE)):
                    yield f"{where}: PATH {stop} points at {target} {function}, which is not there"
    for stop in range(1, 15) if stops else []:
        if str(stop) not in stops:
            yield f"core:1: PATH {stop}/14 stands nowhere"


def check_names_in_comments(tree):
    """A comment that names a function of ours is false once the function is renamed."""
    known = set()
    for file in tree.c_files:
        known.update(re.findall(r"\b(?:rv|rove)_\w+", file.code))
        known.add(pathlib.Path(file.name).stem)
    for file in tree.library:
        for comment in file.comments:
            for name in re.findall(r"\b(?:rv|rove)_[a-z0-9_]*[a-z0-9]\b(?![*_/]|\.h)", comment):
                if name not in known:
                    at = file.text.find(comment) + comment.find(name)
                    number = file.text.count("\n", 0, at) + 1
                    yield f"{file.name}:{number}: {name} does not exist"


def check_exports(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], text=True, capture_output=True,
                         check=True).stdout
    symbols = [line.split()[-1].split("@")[0] for line in out.splitlines() if " A " not in line]
    if not symbols:
        yield f"{library}:1: exports nothing"
    for symbol in symbols:
        if not symbol.startswith("rove_"):
            yield f"{library}:1: exports {symbol}"


def check_declared_is_exported(tree, library):
    """<rove/sim.h> alone is the business of another library, rove_sim."""
    out = subprocess.run(["nm", "-D", "--defined-only", library], text=True, capture_output=True,
                         check=True).stdout
    symbols = {line.split()[-1].split("@")[0] for line in out.splitlines() if " A " not in line}
    declared = set()
    for file in tree.library:
        if file.layer == "include" and file.name != "include/rove/sim.h":
            for match in re.finditer(r"^ROVE_API\b([^;]*);", file.code, re.MULTILINE):
                declared.add(re.search(r"(\w+)\s*\(", match.group(1)).group(1))
    for name in sorted(declared - symbols):
        yield f"include:1: {name} is declared but the library does not have it"
    for name in sorted(symbols - declared):
        yield f"{library}:1: {name} is exported but not declared"


# Sources whose test has another name: a short list, which may only shrink.
TESTED_ELSEWHERE = {
    "core/cores_hooks.c": "what compilers call; tests/sim/test_cores.c runs on nothing else",
    "core/cores_lines.c": "its prices are checked to the picosecond by tests/sim/test_cores.c",
    "io/buffers.c": "lent only through a flow: tests/io/test_flow.c",
    "io/multi.c": "has two users, each with its test: tests/io/test_accept.c, test_flow.c",
    "io/offload.c": "what can be told of it is an open that waits: tests/io/test_fifo.c",
    "sched/job.c": "the other half of sched/pool.c, and tests/sched/test_pool.c asks only by it",
}


def check_untested(tree):
    """Every source has a test file of its own name, and the build knows it."""
    path = tree.root / "tools/cmake/test_list.cmake"
    listed = path.read_text(encoding="utf-8") if path.is_file() else ""
    tests = {f.name for f in tree.c_files if re.fullmatch(r"tests/\w+/test_\w+\.c", f.name)}
    stems = {name.rsplit("/test_", 1)[1][:-2]: name for name in tests}
    sources = {f.name for f in tree.library if f.name.endswith(".c") and f.layer != "include"}
    for name in sorted(sources):
        stem = name.split("/")[-1][:-2]
        if stem not in stems:
            if name not in TESTED_ELSEWHERE:
                yield f"{name}:1: no tests/{name.split('/')[0]}/test_{stem}.c looks after it"
        elif not re.search(rf"rove_add_(\w+\((\w+/)?{stem}\)|{stem}_test\(\))", listed):
            yield f"{stems[stem]}:1: is not in tools/cmake/test_list.cmake"
        elif name in TESTED_ELSEWHERE:
            yield f"{name}:1: has a test by now: strike it from TESTED_ELSEWHERE"


CHECKS = [check_layers, check_cycles, check_sizes, check_licence, check_owned_words, check_malloc,
          check_unfinished, check_documented, check_orders, check_path, check_names_in_comments,
          check_untested]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--library", help="the shared library, for its symbols")
    parser.add_argument("--only", help="run the check of this name")
    options = parser.parse_args()
    tree = Tree(options.root)
    found = []
    for check in CHECKS:
        rule = check.__name__[len("check_"):]
        if options.only in (None, rule):
            found += [f"{what} [{rule}]" for what in check(tree)]
    if options.library:
        found += [f"{what} [exports]" for what in check_exports(options.library)]
        found += [f"{what} [exports]" for what in check_declared_is_exported(tree, options.library)]
    print("\n".join(found))
    lines = sum(len(f.lines) for f in tree.files)
    print(f"{len(tree.files)} files, {lines} lines, {len(CHECKS)} rules, {len(found)} found")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
