#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: plant bugs in the library one at a time and see after how many seeds each is found.

Idea:    a bug is an edit of one source file, listed below; an edit that does not fit the source any
         more is an error, so the list cannot rot. The edited file is compiled as the build compiles
         it for rove_sim and linked before the rest of the library. The sources are not touched.

    tools/sim/plant.py --build build/release [--seconds 60] [--only NAME] [--table]
    tools/sim/plant.py --check
"""
import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# name, then file, before, after: once or more. Those marked * were once in the library.
PLANTS = [
    ("no second look before the sleep", "sched/worker.c",
     "    if (rv_steal_is_work_visible(w)) {\n        rv_idle_retract(w);",
     "    if (rv_load_relaxed(&w->runtime->is_stopping) == 2) {\n        rv_idle_retract(w);"),
    ("* a sleeper that sees work and finds other work tells nobody", "sched/worker.c",
     "        rv_idle_start_search(w);", "        (void)0;"),
    ("the last searcher that finds work tells nobody", "sched/worker.c",
     "        (rv_steal_is_work_visible(w) || rv_watch_is_needed(w))) {",
     "        rv_watch_is_needed(w)) {"),
    ("* a rescue tells nobody of what it leaves in the queue", "sched/watch.c",
     "        rv_idle_notify(self->runtime);", "        (void)0;"),
    ("* a refill from the overflow tells nobody", "sched/ready.c",
     "    rv_bias_owner_leave(&w->bias);\n    rv_idle_notify(w->runtime);\n",
     "    rv_bias_owner_leave(&w->bias);\n"),
    ("a woken worker is not counted as searching", "sched/idle.c",
     "        w->is_searching = true; /*", "        (void)0; /*"),
    ("who goes aside keeps the second of its tasks", "sched/active.c",
     "    while ((t = rv_ready_pick_fair(w)) != NULL && !*is_helping && !rv_ready_is_bound(t)) {\n"
     "        rv_runtime_inject(w->runtime, t);\n    }",
     "    t = rv_ready_pick_fair(w);\n"
     "    if (t != NULL && !*is_helping && !rv_ready_is_bound(t)) {\n"
     "        rv_runtime_inject(w->runtime, t);\n        t = NULL;\n    }"),
    ("who goes aside does not pass on what it was woken for", "sched/active.c",
     "        rv_idle_notify(w->runtime); /* as any last searcher (idle.c) */", "        (void)0;"),
    ("who stands aside is not woken for a message", "sched/idle.c",
     "    if (is_chosen || rv_load_relaxed(&w->pace.is_aside) != 0) {", "    if (is_chosen) {"),
    ("a wake that comes while a task is pinned is lost", "sched/state.c",
     "        bool is_wanted = (next & (RV_STATE_WOKEN | RV_STATE_CANCEL)) != 0;\n        if (is_wanted) {",
     "        bool is_wanted = (next & RV_STATE_CANCEL) != 0;\n        if (is_wanted) {"),
    ("a cancelled read returns before the kernel is done", "io/uring.c",
     "    while (!rv_op_is_done(op)) {\n        if (rv_op_wants_end(op)) {",
     "    while (!rv_op_is_done(op) && !has_asked) {\n        if (rv_op_wants_end(op)) {"),
    ("a result is dropped because its task was cancelled", "io/op.c",
     "        rv_put_back_cancel(op->task);\n        return result;",
     "        return -ECANCELED;"),
    ("a close does not wait for operations in flight", "io/file.c",
     "    if (rv_fd_close_pending(slot) != 0) {", "    if (rv_fd_close_pending(slot) > 1000) {"),
    ("a close does not end what others wait for", "io/uring_close.c",
     "    if (!rv_uring_queue_cancel(u, NULL, fd)) {", "    if (u->ring.fd < 0 || fd < 0) {"),
    ("* a task that waited for a free entry misses a closer", "io/uring.c",
     "        if (op->slot != NULL && rv_fd_is_closing(op->slot)) {",
     "        if (op->slot != NULL && op->fd < 0) {",
     "io/file.c", # which has learnt to ask again since, and would find it then
     "slot) != 0 && (!has_timer || rv_clock_now() < deadline_ns)) {", "slot) != 0) {"),
    ("a rescuer throws away what only the owner may take", "io/uring.c",
     "    rv_ring_cq_advance(&u->ring, kept);", "    rv_ring_cq_advance(&u->ring, tail);"),
    ("a full ring lets a worker sleep without a way to wake it", "io/uring_sleep.c",
     "    if (!has_drained && arm_wake(u)) {", "    if (arm_wake(u) || !has_drained) {"),
    ("a sleep does not look at requests to its ring", "io/uring_sleep.c",
     "    has_drained |= rv_uring_drain_requests(u);", "    has_drained |= false;"),
    ("a cell that is being fired counts as taken back", "sched/waitq.c",
     "        rv_lock_release(g->lock);\n    }\n    return is_queued;",
     "        rv_lock_release(g->lock);\n    }\n    return is_queued || w != NULL;"),
    ("a timer fires early", "sched/timer.c",
     "rv_heap_min_key(&ts->heap) <= now_ns)", "rv_heap_min_key(&ts->heap) <= now_ns + 1000)"),
    ("a queue forgets its waiting putters at a shutdown", "sched/queue.c",
     "    close_waiters(&q->putters, &fired);\n", ""),
    ("a queue stores a putter's item before the one that waits", "sched/queue.c",
     "        store(q, putter->value, fired);", "        store(q, item, fired);"),
    ("a channel keeps a sender's element in the buffer twice", "sched/chan.c",
     "        buffer_push(c, w->value);", "        buffer_push(c, element);"),
    ("a condition's notify wakes one too few", "sched/cond.c",
     "    while (n-- > 0 &&", "    while (--n > 0 &&"),
    ("a semaphore gives a unit to a waiter and keeps it", "sched/semaphore.c",
     "    } else if (w == NULL) {\n        /* order: release M1. The releaser's",
     "    } else {\n        /* order: release M1. The releaser's"),
    ("a group does not wait for its children", "sched/group.c",
     "    while (rv_load_acquire(&g->word) != EXITING) {",
     "    while ((rv_load_acquire(&g->word) & ~EXITING) > 1000 * (uint64_t)ONE_CHILD) {"),
    ("a gather does not wait for those it cancels", "sched/gather.c",
     "        rv_future_wait_uncancelled(fs[i], &cancels);", "        (void)cancels;"),
]


def compile_command(build, source):
    """How the build compiles this file for rove_sim: a list without source and output."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if entry["file"].endswith("/" + source) and "rove_sim.dir" in entry["command"]:
            words = [w for w in shlex.split(entry["command"]) if "ccache" not in w]
            at = words.index("-o")
            del words[at:at + 2]
            return [w for w in words if w != "-c" and not w.endswith("/" + source)], entry
    sys.exit(f"{source} is not compiled for rove_sim in {build}")


def link_command(build, wrong, program):
    """How the build links rove-sim, by make or by ninja: with the edited objects first."""
    by_make = build / "CMakeFiles/rove-sim.dir/link.txt"
    if by_make.exists():
        line = by_make.read_text()
    else:
        line = subprocess.run(["ninja", "-t", "commands", "rove-sim"], cwd=build, text=True,
                              check=True, capture_output=True).stdout.splitlines()[-1]
    words = [w for w in shlex.split(line) if w not in (":", "&&") and "ccache" not in w]
    words[words.index("-o") + 1] = str(program)
    at = words.index("librove_sim.a")
    return words[:at] + wrong + words[at:]


def plant_in(source, before, after):
    """The text of a source with the bug in it."""
    text = (ROOT / source).read_text()
    if text.count(before) != 1:
        sys.exit(f"{source}: the place for the bug is there {text.count(before)} times: {before!r}")
    return text.replace(before, after)


def edit(build, scratch, source, before, after):
    """The object of a source with the bug in it."""
    text = plant_in(source, before, after)
    words, entry = compile_command(build, source)
    edited = scratch / pathlib.Path(source).name
    edited.write_text(text)
    wrong = edited.with_suffix(".o")
    subprocess.run(words + ["-Wno-error", "-w", "-c", str(edited), "-o", str(wrong)],
                   cwd=entry["directory"], check=True)
    return str(wrong)


def plant(build, scratch, edits):
    """The program with the bug in it."""
    wrong = [edit(build, scratch, *edits[i:i + 3]) for i in range(0, len(edits), 3)]
    program = scratch / "planted"
    subprocess.run(link_command(build, wrong, program), cwd=build, check=True)
    return program


def find(program, seconds):
    """(seeds it took, what was said), or (seeds run, None)."""
    done = subprocess.run([program, "--first", "--again", "0", "--jobs", "2", "--seeds", "0..1000000",
                           "--seconds", str(seconds)], text=True, capture_output=True,
                          timeout=seconds + 90)
    runs = re.search(r"^(\d+) seeds from", done.stdout, re.MULTILINE)
    said = re.search(r"^seed \d+: (.*)$", done.stdout, re.MULTILINE)
    return int(runs.group(1)), said.group(1) if said else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", help="those whose name has this in it")
    parser.add_argument("--table", action="store_true", help="as rows of docs/simulation.md")
    parser.add_argument("--check", action="store_true", help="only see that all edits fit")
    options = parser.parse_args()
    if options.check:
        for _, *edits in PLANTS:
            for i in range(0, len(edits), 3):
                plant_in(*edits[i:i + 3])
        print(f"{len(PLANTS)} bugs fit the sources")
        return
    build = options.build.resolve()
    missed = 0
    for name, *edits in PLANTS:
        if options.only and options.only not in name:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            program = plant(build, pathlib.Path(scratch), edits)
            seeds, said = find(program, options.seconds)
        missed += said is None
        sources = ", ".join(f"`{source}`" for source in edits[::3])
        said = "**not found**" if said is None else said.replace("Protocol error: ", "")
        print(f"| {name} | {sources} | {seeds} | {said} |" if options.table
              else f"{name}: {seeds} seeds: {said}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
