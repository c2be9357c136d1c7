# SPDX-License-Identifier: MIT
"""The server workloads: who meets, and how one is loaded for one window.

All servers of a case are up at once and are loaded in turn, so that a machine that is slower for a
while is slower for all. With one worker the server has the first processor and the loader, which
never sleeps while it measures, the second; with more they share. The loader (bench/loader) says
what a request cost the server: its processor time, by the scheduler's nanoseconds, and where the
kernel counts them its system calls and user instructions (else harness/instructions.py does).
"""
import contextlib
import glob
import os
import resource
import select
import socket
import subprocess
import tempfile
import time

from harness import instructions, peers, results
from harness.cases import Case, not_counted, parse_output, shown
from harness.workloads import BENCH, Folder

ECHO = ["rove", "rove_epoll", "raw_epoll", "raw_shared", "raw_uring", "go", "tokio", "java",
        "libuv", "node", "asyncio", "uvloop"]
STALL = ["rove", "rove_epoll", "raw_epoll", "raw_own"]
HTTP = ["rove", "rove_epoll", "raw_epoll", "hyper", "nginx", "go", "node"]
KINDS = {"echo": ECHO, "http": HTTP, "stall": STALL}
OWN = {"rove", "rove_epoll", "raw_epoll", "raw_shared", "raw_uring", "raw_own"}
START_S = 20
MANY = 5000  # connections that take a while to open
OVERHEAD_S = {False: 0.27, True: 0.6, "idle": 1.2}  # of a window: the loader's start, its warm-up
LAG_MAX_US = 1000  # a loader this late was kept from its processor

# (row's name, servers, mode, connections, bytes, options); bytes 0 is HTTP
CASES = {
    "echo": [(f"echo_{connections}x{size}", "echo", "closed", connections, size)
             for size in (64, 4096) for connections in (1, 64, 512, 5000)],
    "http": [("http_64", "http", "closed", 64, 0),
             ("http_64x16", "http", "closed", 64, 0, "depth=16")],
    "open_loop": [("open_loop_40k", "echo", "open", 64, 64, "rate=40000")],
    "churn": [("churn_64", "echo", "churn", 64, 64)],
    "stall": [("stall", "stall", "stall", 64, 64)],
    "idle": [("idle_echo", "echo", "idle", 5000, 64), ("idle_http", "http", "idle", 5000, 0)],
}
COUNTED = {"echo_64x64", "http_64", "http_64x16"}  # with one worker
SMOKE = {"connections": 8, "seconds": 0.2}
ONE_WORKER_ONLY = {"echo_1x64", "echo_5000x64", "echo_1x4096", "echo_64x4096", "echo_512x4096",
                   "echo_5000x4096", "idle_echo", "idle_http"}
STALL_RATE = 40000
STALL_WARM_S = 0.2  # the loader's, which the server's processor time includes
TARGETS = ["bench_loader", "bench_echo_epoll", "bench_echo_uring", "bench_raw_epoll",
           "bench_stall_load", "bench_stall_epoll", "bench_stall_rove", "echo_server",
           "http_server"]


def factor_of(mode, connections):
    """A window is as short as can be, since the host moves processors within tenths of a second,
    but long enough for some messages on each connection, and for a tail."""
    if mode == "closed":
        return 3 if connections >= MANY else 1
    return {"open": 3, "churn": 2, "idle": 4, "stall": 5}[mode]


class Server:
    """A server process on a port of its own."""

    def __init__(self, name, command, cpus, port=None, is_wrapped=False):
        self.name, self.port, self.is_wrapped = name, port, is_wrapped
        self.process = subprocess.Popen(["taskset", "-c", cpus, *command], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            if port is None:
                self.read_port()
            else:
                self.wait_until_open()
        except peers.Missing:
            self.stop()
            raise

    def read_port(self):
        end, ready = time.monotonic() + START_S, []
        while not ready and time.monotonic() < end:
            ready, _, _ = select.select([self.process.stdout], [], [], 1)
            if not ready and self.is_wrapped and instructions.is_stuck(self.process.pid):
                raise instructions.Stuck(f"{self.name} sleeps before it is up")
        line = self.process.stdout.readline() if ready else ""
        if self.is_wrapped and not line:
            raise instructions.Stuck(f"{self.name} ends before it is up")
        if not line.startswith("listening on "):
            raise peers.Missing(f"{self.name} does not start: {line!r}")
        self.port = int(line.rsplit(":", 1)[1])

    def wait_until_open(self):
        end = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise peers.Missing(f"{self.name} does not start") from None
                time.sleep(0.02)

    def pids(self):
        """The process, or those that work for it."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            return f.read().split() or [str(self.process.pid)]

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
                with open(path) as f:
                    total += int(f.read().split()[0])
        return total / 1e9

    def pin(self, cpus):
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task), cpus)

    def stop(self):
        if self.is_wrapped:  # its threads may wait for valgrind's lock, and nothing is lost
            self.process.kill()
        self.process.terminate()
        try:
            self.process.wait(timeout=START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def nginx_command(workers, folder):
    with socket.socket() as probe:  # a port that was free a moment ago
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.chmod(folder, 0o755)
    with open(os.path.join(BENCH, "http", "nginx.conf")) as f:
        config = f.read()
    for name, value in (("PORT", port), ("WORKERS", workers), ("DIR", folder)):
        config = config.replace(f"@{name}@", str(value))
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as f:
        f.write(config)
    return ["nginx", "-c", path, "-p", folder], port


def own_command(kind, name, workers, options):
    own = os.path.join(options.build, "bench")
    if kind == "stall":
        if name.startswith("raw"):
            which = "shared" if name == "raw_epoll" else "own"
            return [os.path.join(own, "stall", "epoll"), which, str(workers)]
        return ["env", "ROVE_BACKEND=" + ("epoll" if name == "rove_epoll" else "auto"),
                os.path.join(own, "stall", "rove"), str(workers)]
    if name.startswith("raw"):
        if name == "raw_shared":
            return [os.path.join(own, "echo_epoll"), str(workers), "shared"]
        program = "http_epoll" if kind == "http" else name.replace("raw", "echo")
        return [os.path.join(own, program), str(workers)]
    server = os.path.join(options.build, "examples", "bin", f"{kind}_server")
    backend = "epoll" if name == "rove_epoll" else "auto"
    return [server, "--address", "127.0.0.1:0", "--workers", str(workers), "--backend", backend,
            *(["--quiet"] if kind == "http" else [])]


def collect_commands(kind, options, skipped):
    """{server: command without the number of workers}; what cannot be had is said."""
    found = {}
    for name in KINDS[kind]:
        if name.split("_")[0] not in (*options.only, "raw"):
            continue
        try:
            if name == "nginx":
                peers.need("nginx", "nginx-light")
            found[name] = None if name in OWN or name == "nginx" else peers.command_for(
                name, Folder(kind), options.build)
        except peers.Missing as e:
            skipped(f"{kind}/{name}", e)
    return found


class ServerCase(Case):
    def __init__(self, row, workers, commands, options):
        name, self.kind, self.mode, connections, size, *self.extra = row
        # A set that threads share is a limit where there are some, and where they are kept busy.
        shares = workers > 1 and self.mode == "closed"
        commands = {n: c for n, c in commands.items() if shares or n != "raw_shared"}
        super().__init__(name, workers, commands, options, True)
        self.commands = commands
        self.seconds_of_window = (SMOKE["seconds"] if options.smoke
                                  else options.seconds * factor_of(self.mode, connections))
        self.many = connections >= MANY
        self.load = [str(SMOKE["connections"] if options.smoke else connections), str(size),
                     f"{self.seconds_of_window:g}"]
        self.servers, self.folder, self.counted = {}, None, {}
        self.is_counted = name in COUNTED and workers == 1 and not options.smoke
        cpus = [str(c) for c in self.cpus]
        self.server_cpus = ",".join(cpus[:workers])
        self.loader_cpus = cpus[1] if workers == 1 and len(cpus) > 1 else ",".join(cpus)

    def expected(self, implementation):
        return self.seconds_of_window + OVERHEAD_S["idle" if self.mode == "idle" else self.many]

    def repetitions(self):
        return 1 if self.options.smoke else self.options.rounds

    def server_command(self, name):
        return (own_command(self.kind, name, self.workers, self.options) if name in OWN
                else [*self.commands[name], str(self.workers)])

    def expected_total(self):
        n = len(instructions.COUNTED & set(self.windows)) if self.is_counted else 0
        return super().expected_total() + n * instructions.SECONDS

    def launch(self, name, is_wrapped=False, cpus=None):
        command, port = (nginx_command(self.workers, self.folder.name) if name == "nginx"
                         else (self.server_command(name), None))
        if is_wrapped:
            command = instructions.wrapped(command, self.folder.name)
            if name == "nginx":  # what it forks would not be counted
                command += ["-g", "master_process off;"]
        return Server(name, command, cpus or self.server_cpus, port, is_wrapped)

    def launch_wrapped(self, name):
        """On one processor or on all, by turns, since its threads race (instructions.is_stuck);
        then it stays where the server always is."""
        everywhere = ",".join(str(c) for c in self.cpus)
        server = instructions.started(lambda turn: self.launch(
            name, True, everywhere if turn % 2 else self.server_cpus))
        server.pin(self.cpus[:self.workers])
        return server

    def run(self, progress):
        super().run(progress)
        found = [metrics for windows in self.windows.values() for _, metrics in windows]
        if self.is_counted and not any("instructions" in metrics for metrics in found):
            self.count_all(progress)

    def count_all(self, progress):
        """User instructions, which do not depend on who else uses the machine."""
        try:
            instructions.counter()
        except peers.Missing as e:
            self.options.skipped("user instructions", e)
            return
        if instructions.COUNTED < set(self.windows):
            self.options.skipped("user instructions", instructions.OTHERS)
        for name in [n for n in self.windows if n in instructions.COUNTED]:
            progress.step(f"{self.key} {name} instructions", instructions.SECONDS)
            for turn in range(instructions.COUNTS):
                try:
                    self.counted[name] = self.count(name)
                    break
                except (peers.Missing, ValueError, OSError, subprocess.SubprocessError) as e:
                    if turn + 1 == instructions.COUNTS:
                        self.options.skipped(f"{self.key}: user instructions of {name}", e)

    def count(self, name):
        server = self.launch_wrapped(name)

        def load(messages):
            done = subprocess.run(self.count_command(str(server.port), messages), timeout=60,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise peers.Missing(done.stderr.strip())
            return parse_output(done.stdout)["requests"][1]

        try:
            depth = int(dict(word.split("=") for word in self.extra).get("depth", 1))
            return instructions.values(server, self.folder.name, load, depth, self.repetitions())
        finally:
            server.stop()

    def count_command(self, port, messages):
        return ["taskset", "-c", self.loader_cpus,
                os.path.join(self.options.build, "bench", "loader"), "count", port, *self.load[:2],
                str(instructions.LOAD_S), *self.extra, f"messages={messages}"]

    def rows(self):
        return super().rows() + [
            results.make_row(self.name, "instructions", "1/request", name, self.workers, values)
            for name, values in self.counted.items()]

    def loader_command(self, port, pids):
        if self.mode == "stall":
            return ["taskset", "-c", self.loader_cpus,
                    os.path.join(self.options.build, "bench", "stall", "load"), port, self.load[2],
                    str(STALL_RATE)]
        return ["taskset", "-c", self.loader_cpus,
                os.path.join(self.options.build, "bench", "loader"), self.mode, port, *self.load,
                *self.extra, "pids=" + pids]

    def command_lines(self, implementation):
        server = (["nginx", "-c", "bench/http/nginx.conf"] if implementation == "nginx"
                  else self.server_command(implementation))
        lines = [shown(["taskset", "-c", self.server_cpus, *server, "&"]),
                 shown(self.loader_command("PORT", "PID"))]
        if implementation in self.counted:
            lines += [shown(["taskset", "-c", self.server_cpus,
                             *instructions.wrapped(server, "/tmp"), "&"]),
                      shown(self.count_command("PORT", instructions.MANY))]
        return lines

    def start(self, names=None):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the servers inherit it
        self.folder = tempfile.TemporaryDirectory(prefix="rove-bench-")
        for name in [] if self.mode == "idle" else list(self.windows):
            if names and name not in names:
                continue
            try:
                self.servers[name] = self.launch(name)
            except peers.Missing as e:
                if self.windows[name]:  # what was measured before stays
                    continue
                if name in ("rove", "raw_epoll"):
                    raise
                print(f"left out: {self.key} {name}: {e}")
                del self.windows[name]

    def in_turn(self):
        return [name for name in super().in_turn() if self.mode == "idle" or name in self.servers]

    def stop(self):
        for server in self.servers.values():
            server.stop()
        self.servers = {}
        if self.folder:
            self.folder.cleanup()

    def own_seconds(self):
        return sum(server.cpu_seconds() for server in self.servers.values())

    def measure_once(self, implementation):
        if self.mode != "idle":
            return self.measure_server(self.servers[implementation])
        # Memory is that of a server which has seen nothing else.
        server = self.launch(implementation)
        try:
            return self.measure_server(server)
        finally:
            server.stop()

    def measure_stall(self, server):
        cpu = server.cpu_seconds()
        done = subprocess.run(self.loader_command(str(server.port), ""), capture_output=True,
                              text=True, timeout=60)
        if done.returncode != 0:
            raise peers.Missing(done.stderr.strip())
        found = parse_output(done.stdout)
        requests = found.pop("requests")[1]
        if requests == 0:
            raise peers.Missing("nothing was answered")
        share = self.seconds_of_window / (self.seconds_of_window + STALL_WARM_S)
        cpu = (server.cpu_seconds() - cpu) * share * 1e6 / requests
        return {"rate": ("1/s", requests / self.seconds_of_window), **found,
                "cpu": ("us/request", cpu)}

    def measure_server(self, server):
        if self.mode == "stall":
            return self.measure_stall(server)
        command = self.loader_command(str(server.port), ",".join(server.pids()))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise peers.Missing(done.stderr.strip())
        for what, why in not_counted(done.stderr).items():
            self.options.skipped(what, why)
        return parse_output(done.stdout)

    def complaint(self, found):
        lag = found.get("lag_p99", ("us", 0))[1]
        if found.get("rate", ("1/s", 1))[1] == 0:
            return "nothing was answered in the window"
        return f"the loader was {lag:.0f} us late" if lag > LAG_MAX_US else None


def rows_of(name, options):
    """A smoke run has few connections always, so rows that differ by their number are one."""
    rows = CASES[name]
    return {row[4:]: row for row in rows}.values() if options.smoke else rows


def make_cases(name, options, commands):
    out = []
    for row in rows_of(name, options):
        if options.cases and row[0] not in options.cases:
            continue
        for workers in options.workers:
            # An open loop must not be kept from its processor: it is what keeps the time.
            cpus = len(os.sched_getaffinity(0)) - (row[2] == "open")
            if row[2] == "stall" and workers == 1:
                continue  # nobody could take over
            if workers == 1 or (workers <= cpus and row[0] not in ONE_WORKER_ONLY):
                out.append(ServerCase(row, workers, commands[row[1]], options))
    return out
