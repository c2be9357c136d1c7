#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: see that check_style.py finds what it promises to find.

Idea:    a small tree that breaks no rule; then each rule broken once in a copy of it, by one edit.
         A rule that stays silent, or a clean tree that does not pass, fails.
"""
import pathlib
import sys
import tempfile

import check_style

HEAD = "// SPDX-License-Identifier: MIT\n"
DOC = """/**
 * Do it.
 *
 * Returns 0.
 * Threads: task. Suspends: no. Cost: none.
 * asyncio: none.
 */
"""
ORDER = "    /* order: acquire A1. Why; pairs with rv_list_put. */\n"
CLEAN = {
    "include/rove/x.h": HEAD + DOC + "ROVE_API int rove_do(void);\n",
    "core/list.h": HEAD + "int rv_list_get(void);\nvoid rv_list_put(void);\n",
    "core/list.c": HEAD + '#include "core/list.h"\nint rv_list_get(void)\n{\n' + ORDER +
                   "    return rv_load_acquire(&word);\n}\nvoid rv_list_put(void)\n{\n" +
                   ORDER.replace("acquire", "release") + "    rv_store_release(&word, 1);\n}\n",
    "sched/task.c": HEAD + '#include "core/list.h"\nint rv_task_run(void)\n{\n    return 0;\n}\n',
    "io/op.c": HEAD + "#include <sys/socket.h>\n" + "".join(
        f"/* PATH {n}/14 -> sched/task.c rv_task_run */\n" for n in range(1, 15)),
    "tests/test_x.c": HEAD + "int x = rove_do();\n",
    "docs/memory-order.md": "A1: ...\n",
    "tests/core/test_list.c": HEAD,
    "tests/sched/test_task.c": HEAD,
    "tests/io/test_op.c": HEAD,
    "tests/core/test_cores_lines.c": HEAD,
    "tools/cmake/test_list.cmake": "rove_add_test(core/list)\nrove_add_test(sched/task)\n"
                                   "rove_add_sim_part(op)\n"
                                   "rove_add_test(core/cores_lines)\n",
}
BODY = "\nint rv_task_long(void)\n{\n" + "    run();\n" * 49 + "}\n"

# rule, file, what to look for, what to put in its place ("": append)
BREAKS = [
    ("layers", "core/list.c", "", '#include "sched/task.h"\n'),
    ("layers", "core/list.c", '"core/list.h"', '"core/gone.h"'),
    ("layers", "sched/task.c", "", "#include <liburing.h>\n"),
    ("cycles", "core/list.h", "", '#include "core/list.h"\n'),
    ("sizes", "sched/task.c", "", "// x\n" * 500),
    ("sizes", "sched/task.c", "", "// " + "x" * 98 + "\n"),
    ("sizes", "sched/task.c", "", BODY),
    ("sizes", "tests/style_excused.txt", "", "sched/task.c:rv_task_run 60 reason\n"),
    ("licence", "sched/task.c", "MIT", "none"),
    ("owned_words", "sched/task.c", "", "int x = __atomic_load_n(&y, 0);\n"),
    ("owned_words", "sched/task.c", "", "static _Thread_local int x;\n"),
    ("owned_words", "core/list.c", "", "int x = errno;\n"),
    ("owned_words", "io/op.c", "", "pthread_mutex_t x;\n"),
    ("owned_words", "tests/test_x.c", "", "int y = usleep(1);\n"),
    ("malloc", "core/list.c", "", "int *x = NULL; int y = realloc(x, 3);\n"),
    ("unfinished", "sched/task.c", "", "// " + "TO" + "DO later\n"),
    ("unfinished", "sched/task.c", "", "#if 0\n#endif\n"),
    ("documented", "include/rove/x.h", "/**", "/*"),
    ("documented", "include/rove/x.h", "Threads: ", ""),
    ("documented", "include/rove/x.h", "asyncio: ", ""),
    ("documented", "tests/test_x.c", "rove_do", "other"),
    ("orders", "core/list.c", ORDER, ""),
    ("orders", "core/list.c", "release A1", "release A2"),
    ("orders", "docs/memory-order.md", "A1", "none"),
    ("path", "io/op.c", "PATH 3/14", "PATH 4/14"),
    ("path", "io/op.c", "PATH 3/14 -> sched/task.c rv_task_run",
     "PATH 3/14 -> sched/task.c rv_task_gone"),
    ("names_in_comments", "core/list.c", "with rv_list_put", "with rv_list_gone"),
    ("untested", "sched/fresh.c", "", HEAD),
    ("untested", "tools/cmake/test_list.cmake", "core/list", "core/lists"),
    ("untested", "core/cores_lines.c", "", HEAD),
]


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run(files, rule=None):
    with tempfile.TemporaryDirectory(prefix="rove-style-") as scratch:
        write(pathlib.Path(scratch), files)
        tree = check_style.Tree(scratch)
        checks = [c for c in check_style.CHECKS if rule in (None, c.__name__[len("check_"):])]
        return [what for check in checks for what in check(tree)]


def main():
    wrong = [f"the clean tree: {what}" for what in run(CLEAN)]
    for rule, name, old, new in BREAKS:
        text = CLEAN.get(name, "")
        if old not in text:
            wrong.append(f"{rule}: the edit of {name} does not apply: {old}")
            continue
        broken = dict(CLEAN, **{name: text.replace(old, new, 1) if old else text + new})
        if not run(broken, rule):
            wrong.append(f"{rule}: silent about {name}: {new[:40]!r}")
    rules = {c.__name__[len("check_"):] for c in check_style.CHECKS}
    wrong += [f"no break for rule {rule}" for rule in sorted(rules - {b[0] for b in BREAKS})]
    print("\n".join(wrong))
    print(f"{len(BREAKS)} breaks of {len(rules)} rules, {len(wrong)} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
