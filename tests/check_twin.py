#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Let rove and CPython's asyncio act out the same little programs, and compare what they print.

A program is a list of numbers: scripts, futures, how many scripts are started as tasks; for each
script how many steps, and for each step its kind (STEPS below), three operands, and whether its
error is swallowed. tests/sim/twin.c acts it out on one simulated worker, Twin here on asyncio with
a virtual clock: every line must be the same, in the same order.

tests/sim/twin.txt keeps programs with CPython 3.13's traces, so that no Python 3.13 is needed:

    check_twin.py --twin build/release/twin              compares with the file
    check_twin.py --twin .. --random 5000 [--seed 7]     compares with this interpreter (3.13)
    check_twin.py --twin .. --random 5000 --sync         with locks, semaphores and events in them
    check_twin.py --twin .. --record 400 >tests/sim/twin.txt     makes the file (3.13)

Of a thousand drawn programs some thirteen differ, of those with --sync three, most in the order
only, for three reasons: a request that is there when a call would wait is felt at once, where
asyncio takes a round; groups and gathers see an end when it happens, where asyncio is told a round
later, so that what is cancelled in between is one thing more or less; and a lock that is let go of
when its first waiter has been cancelled, but has not run, goes to the next when that one has.
--record leaves these out.
"""
import argparse
import asyncio
import logging
import pathlib
import random
import selectors
import subprocess
import sys

FILE = pathlib.Path(__file__).resolve().parent / "sim" / "twin.txt"
QUIET = 10000000
ROUNDS = 30
ERRNO_MIN = -4095
BACK_TO_BACK = 200  # programs given to one process
STEPS = ("yield sleep await set set_error cancel gather outcomes shield limit wait fail start "
         "callback call_soon count group as_completed wait_for gather_future return lock semaphore "
         "event_wait event_set event_clear cond_wait notify barrier").split()
SYNC = STEPS[STEPS.index("lock"):]
RARE = {"return", "set_error", "fail", "count", "call_soon"}
# Not drawn, since they differ by design: as_completed suspends in asyncio for what is done already;
# rove's call-backs come before those who await, whoever asked first; a gather that is a future of
# its own ends a round later.
DRAWN = [kind for kind in STEPS
         if kind not in ("as_completed", "callback", "gather_future", *SYNC)]
# Neither are these: a wait on a condition never ends without a notification, as asyncio's may where
# another one is cancelled; and who has passed a barrier has, though cancelled in that round.
DRAWN_SYNC = 2 * [kind for kind in SYNC if kind not in ("cond_wait", "barrier")] + [
    "yield", "sleep", "await", "cancel", "start", "limit", "group", "fail"]
BLOCKS = {"limit", "group", "lock", "semaphore"}


class Clock(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("nothing can happen any more")
        Clock.now += max(timeout, 0)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__(Clock())
        self._clock_resolution = 0.001  # the loop's own is lost beside ten million seconds
        Clock.now = 0.0

    def time(self):
        return Clock.now


class Ordered(dict):
    """A set that remembers its order: a group cancels its children in the order of their births."""

    def add(self, item):
        self[item] = None

    def discard(self, item):
        self.pop(item, None)


class Failure(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def code_of(error):
    if isinstance(error, asyncio.CancelledError):
        return -125
    if isinstance(error, TimeoutError):
        return -110
    return error.code


class Twin:
    """What tests/sim/twin.c does, in asyncio. A program is (scripts, futures, started)."""

    def __init__(self, program):
        self.scripts, self.future_count, self.started = program
        self.tasks = [None] * len(self.scripts)
        self.lines = []

    def say(self, me, what, n):
        self.lines.append(f"{me}:{what} {n}")

    def target(self, k):
        count = len(self.scripts)
        return self.tasks[k] if k < count else self.futures[k - count]

    async def body(self, me):
        rc = 0
        try:
            await self.run_steps(me, 0, len(self.scripts[me]))
        except (Failure, TimeoutError, asyncio.CancelledError) as error:
            rc = code_of(error)
            raise
        finally:
            self.say(me, "end", rc)
        return me

    def is_out(self, step):
        kind, a, b = STEPS[step[0]], step[1], step[2]
        two = kind in ("gather", "outcomes", "gather_future", "wait", "as_completed")
        one = two or kind in ("await", "cancel", "shield", "callback", "wait_for")
        me = asyncio.current_task()
        if one and (self.target(a) is None or (self.target(a) is me and kind != "cancel")):
            return True
        return two and (self.target(b) is None or self.target(b) is me)

    async def run_steps(self, me, first, count):
        i = first
        while i < first + count:
            step = self.scripts[me][i]
            kind = STEPS[step[0]]
            if kind == "return":
                return
            i += 1
            if self.is_out(step):
                continue
            rc = 0
            try:
                await getattr(self, "do_" + kind)(me, step, i)
            except (Failure, TimeoutError, asyncio.CancelledError) as error:
                rc, caught = code_of(error), error
            if kind in BLOCKS:
                i += step[3]
            if rc != 0 or kind in ("yield", "sleep"):
                self.say(me, "rc", rc)
            if rc < 0 and not step[4]:
                raise caught

    async def do_yield(self, me, step, i):
        await asyncio.sleep(0)

    async def do_sleep(self, me, step, i):
        await asyncio.sleep(step[1])

    def got(self, me, value):
        self.say(me, "got", value if isinstance(value, int) else 0)

    async def do_await(self, me, step, i):
        self.got(me, await self.target(step[1]))

    async def do_shield(self, me, step, i):
        self.got(me, await asyncio.shield(self.target(step[1])))

    async def do_wait_for(self, me, step, i):
        self.got(me, await asyncio.wait_for(self.target(step[1]), step[2]))

    async def do_set(self, me, step, i):
        future = self.target(step[1])
        self.say(me, "set", int(not future.done()))
        if not future.done():
            future.set_result(step[2])

    async def do_set_error(self, me, step, i):
        future = self.target(step[1])
        self.say(me, "set", int(not future.done()))
        if not future.done():
            future.set_exception(Failure(ERRNO_MIN - 1 - step[2]))

    async def do_cancel(self, me, step, i):
        self.say(me, "cancel", int(self.target(step[1]).cancel()))

    async def do_gather(self, me, step, i):
        for value in await asyncio.gather(self.target(step[1]), self.target(step[2])):
            self.say(me, "value", value)

    do_gather_future = do_gather

    async def do_outcomes(self, me, step, i):
        both = self.target(step[1]), self.target(step[2])
        for value in await asyncio.gather(*both, return_exceptions=True):
            self.say(me, "outcome", value if isinstance(value, int) else code_of(value))

    async def do_wait(self, me, step, i):
        both = self.target(step[1]), self.target(step[2])
        when = ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION")[step[3] % 3]
        done, _ = await asyncio.wait(set(both), timeout=step[3], return_when=when)
        self.say(me, "waited", (both[0] in done) + 2 * (both[1] in done))

    async def do_as_completed(self, me, step, i):
        both = self.target(step[1]), self.target(step[2])
        async for future in asyncio.as_completed(dict.fromkeys(both), timeout=step[3]):
            self.say(me, "next", step[1] if future is both[0] else step[2])

    async def do_fail(self, me, step, i):
        raise Failure(ERRNO_MIN - 1 - step[1])

    def start(self, k):
        if self.tasks[k] is None:
            self.tasks[k] = asyncio.get_running_loop().create_task(self.body(k))

    async def do_start(self, me, step, i):
        self.start(step[1])

    async def do_callback(self, me, step, i):
        number = step[2]
        self.target(step[1]).add_done_callback(lambda future: self.say(number, "told", 0))

    async def do_call_soon(self, me, step, i):
        asyncio.get_running_loop().call_soon(self.say, step[1], "called", 0)

    async def do_count(self, me, step, i):
        self.say(me, "count", asyncio.current_task().cancelling())

    async def do_limit(self, me, step, i):
        try:
            async with asyncio.timeout(step[1]) as limit:
                await self.run_steps(me, i, step[3])
        finally:
            self.say(me, "expired", int(limit.expired()))

    async def do_group(self, me, step, i):
        own = None
        try:
            async with asyncio.TaskGroup() as group:
                group._tasks = Ordered()
                for k in step[1:3]:
                    if self.tasks[k] is None:
                        self.tasks[k] = group.create_task(self.body(k))
                try:
                    await self.run_steps(me, i, step[3])
                except (Failure, TimeoutError) as error:
                    own = error
                    raise
        except BaseExceptionGroup as errors:
            children = [code_of(e) for e in errors.exceptions if e is not own]
            for code in children:
                self.say(me, "child", code)
            raise own or Failure(children[0]) from None

    async def do_lock(self, me, step, i):
        async with self.locks[step[1]]:
            self.say(me, "has", step[1])
            await self.run_steps(me, i, step[3])

    async def do_semaphore(self, me, step, i):
        async with self.semaphores[step[1]]:
            self.say(me, "took", step[1])
            await self.run_steps(me, i, step[3])

    async def do_event_wait(self, me, step, i):
        await self.events[step[1]].wait()
        self.say(me, "saw", step[1])

    async def do_event_set(self, me, step, i):
        self.events[step[1]].set()

    async def do_event_clear(self, me, step, i):
        self.events[step[1]].clear()

    async def do_cond_wait(self, me, step, i):
        async with self.cond:
            await self.cond.wait()
            self.say(me, "notified", 0)

    async def do_notify(self, me, step, i):
        async with self.cond:
            self.cond.notify(step[2])

    async def do_barrier(self, me, step, i):
        self.say(me, "index", await self.barrier.wait())

    async def main(self):
        loop = asyncio.get_running_loop()
        self.locks = [asyncio.Lock() for _ in range(2)]
        self.semaphores = [asyncio.Semaphore(n) for n in (1, 2)]
        self.events = [asyncio.Event() for _ in range(2)]
        self.cond = asyncio.Condition()
        self.barrier = asyncio.Barrier(2)
        self.futures = [loop.create_future() for _ in range(self.future_count)]
        for k in range(self.started):
            self.start(k)
        for _ in range(ROUNDS):
            await asyncio.sleep(QUIET)
            self.lines.append("quiet")
            live = [t for t in self.tasks if t is not None and not t.done()]
            for task in live:
                task.cancel()
            if not live:
                break

    def play(self):
        logging.disable(logging.CRITICAL)
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(self.main())
        return self.lines


def draw_step(draw, me, scripts, futures, kinds):
    """A step; tasks await only later scripts, so that nobody waits in a circle."""
    kind = draw.choice(kinds)
    if kind in RARE and draw.random() < 0.5:
        kind = draw.choice(kinds)
    later = list(range(me + 1, scripts + futures))
    a, b, c = draw.choice(later), draw.choice(later), 0
    if kind == "sleep":
        a = draw.randrange(1, 99991)
    elif kind == "limit":
        a = draw.randrange(1, 99991)
    elif kind in ("set", "set_error"):
        a, b = scripts + draw.randrange(futures), draw.randrange(50)
    elif kind == "cancel":
        a = draw.choice([k for k in range(scripts + futures) if k != me])
    elif kind in ("start", "group"):
        a, b = (draw.randrange(me + 1, scripts) if me + 1 < scripts else -1 for _ in "ab")
        kind = kind if a >= 0 else "yield"
    elif kind in ("fail", "call_soon"):
        a = draw.randrange(50)
    elif kind == "callback":
        b = draw.randrange(50)
    elif kind == "wait_for":
        b = draw.randrange(1, 99991)
    elif kind in SYNC:
        a, b = draw.randrange(2), draw.randrange(1, 3)
    if kind in ("wait", "as_completed"):
        c = draw.randrange(1, 99991)
    return [STEPS.index(kind), a, b, c, int(draw.random() < 0.4)]


def draw_program(seed, kinds):
    draw = random.Random(seed)
    scripts, futures = draw.randrange(2, 8), draw.randrange(1, 4)
    program = []
    for me in range(scripts):
        steps = [draw_step(draw, me, scripts, futures, kinds)
                 for _ in range(draw.randrange(1, 9))]
        end = len(steps)
        for i in range(len(steps)):  # blocks end within their own block
            if STEPS[steps[i][0]] in BLOCKS:
                steps[i][3] = draw.randrange(0, end - i)
        clip_blocks(steps, 0, end)
        leave_out_second_locks(steps)
        program.append(steps)
    return program, futures, draw.randrange(1, scripts + 1)


def clip_blocks(steps, first, end):
    i = first
    while i < end:
        if STEPS[steps[i][0]] in BLOCKS:
            steps[i][3] = min(steps[i][3], end - i - 1)
            clip_blocks(steps, i + 1, i + 1 + steps[i][3])
            i += steps[i][3]
        i += 1


def leave_out_second_locks(steps):
    """Nobody locks what it holds: that is an error in rove, and for ever in asyncio."""
    for i, step in enumerate(steps):
        for inner in steps[i + 1:i + 1 + step[3]]:
            if STEPS[step[0]] == STEPS[inner[0]] == "lock" and step[1] == inner[1]:
                inner[:] = [STEPS.index("yield"), 0, 0, 0, 0]


def written(number, program):
    scripts, futures, started = program
    words = [number, len(scripts), futures, started]
    for steps in scripts:
        words.append(len(steps))
        words += [n for step in steps for n in step]
    return " ".join(map(str, words))


def parse(line):
    words = list(map(int, line.split()))
    count, futures, started = words[1:4]
    at, scripts = 4, []
    for _ in range(count):
        n = words[at]
        scripts.append([words[at + 1 + 5 * j:at + 6 + 5 * j] for j in range(n)])
        at += 1 + 5 * n
    return scripts, futures, started


def recorded():
    """(written program, trace) of each in the file: a line of numbers, a line of the trace."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines()
             if line and not line.startswith("#")]
    return [(program, trace.split("; ")) for program, trace in zip(lines[::2], lines[1::2])]


def run_twin(twin, programs):
    """The trace of each program."""
    child = subprocess.run([twin], input="\n".join(programs) + "\n", text=True, timeout=120,
                           capture_output=True, check=False)
    traces = []
    for line in child.stdout.splitlines():
        if line.startswith("program "):
            traces.append([])
        elif line.startswith("= "):
            if line != "= 0 ":
                traces[-1].append(line)
        else:
            traces[-1].append(line)
    if child.returncode != 0 or len(traces) != len(programs):
        print(f"exit status {child.returncode}: {child.stderr.strip()}")
        traces += [["no trace"]] * (len(programs) - len(traces))
    return traces


def describe(line):
    scripts, futures, started = parse(line)
    text = [f"{futures} futures from {len(scripts)} on, {started} started"]
    for me, steps in enumerate(scripts):
        text.append(f"  {me}: " + ", ".join(
            STEPS[s[0]] + "".join(f" {n}" for n in s[1:4]) + ("!" if s[4] else "") for s in steps))
    return "\n".join(text)


def compare(twin, pairs, verbose):
    failures = 0
    for first in range(0, len(pairs), BACK_TO_BACK):
        part = pairs[first:first + BACK_TO_BACK]
        for (line, want), got in zip(part, run_twin(twin, [line for line, _ in part])):
            if got != want:
                failures += 1
                if failures <= verbose:
                    print(f"FAIL   {line}\n{describe(line)}\nCPython {want}\nrove    {got}\n")
    print(f"{len(pairs)} programs, {failures} failures")
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--twin", help="the built tests/sim/twin.c")
    parser.add_argument("--random", type=int, default=0, help="so many programs, not the file's")
    parser.add_argument("--record", type=int, default=0, help="print so many with their traces")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sync", action="store_true", help="draw locks, events and the like, too")
    parser.add_argument("--verbose", type=int, default=3, help="show so many failures")
    args = parser.parse_args()
    if (args.random or args.record) and sys.version_info[:2] != (3, 13):
        sys.exit("needs Python 3.13, whose meanings rove has")
    if args.random or args.record:
        pairs = [(written(n, program), Twin(program).play())
                 for n in range(args.seed, args.seed + (args.random or args.record))
                 for program in [draw_program(n, DRAWN_SYNC if args.sync else DRAWN)]]
    else:
        pairs = recorded()
    if args.record:
        traces = run_twin(args.twin, [line for line, _ in pairs])
        pairs = [pair for pair, trace in zip(pairs, traces) if pair[1] == trace]
        print("# SPDX-License-Identifier: MIT")
        print("# Programs and what CPython 3.13's asyncio printed; see tests/check_twin.py.")
        for line, trace in pairs:
            print(f"{line}\n{'; '.join(trace)}")
        return 0
    return 1 if not pairs or compare(args.twin, pairs, args.verbose) else 0


if __name__ == "__main__":
    sys.exit(main())
