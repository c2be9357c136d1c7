# SPDX-License-Identifier: MIT
"""What the checks of the servers share: a server as a child process, and an exact HTTP client.

The client reads answers byte by byte as RFC 9112 frames them and complains about everything that is
not as it must be: it is the judge, so it guesses nothing.
"""
import os
import resource
import select
import signal
import socket
import subprocess
import tempfile

TIMEOUT = 20  # for anything that should happen at once: reached only when it never would


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def check_equal(got, expected, what):
    if got != expected:
        raise Failure(f"{what}: got {got!r}, expected {expected!r}")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def is_closing(self):
        return self.headers.get("connection") == "close"


class Client:
    """One connection."""

    def __init__(self, port, host="127.0.0.1"):
        self.sock = socket.create_connection((host, port), timeout=TIMEOUT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def get(self, path, extra="", method="GET"):
        self.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{extra}\r\n".encode("latin-1"))
        return self.answer(method == "HEAD")

    def fill(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return len(data) > 0

    def answer(self, is_head=False):
        while b"\r\n\r\n" not in self.buffer:
            check(self.fill(), f"connection ended inside a head: {self.buffer!r}")
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        version, status, reason = lines[0].split(" ", 2)
        check_equal(version, "HTTP/1.1", "version")
        check(reason != "", "a reason phrase")
        headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            check(name.lower() not in headers, f"header {name} twice")
            headers[name.lower()] = value
        if status == "100":
            return Answer(100, headers, b"")
        size = 0 if is_head else int(headers["content-length"])
        while len(self.buffer) < size:
            check(self.fill(), "connection ended inside a body")
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return Answer(int(status), headers, body)

    def expect_end(self, what="the connection ends"):
        check_equal(self.buffer, b"", f"{what}: bytes left")
        try:
            check(not self.fill(), f"{what}: got {self.buffer[:200]!r} instead")
        except ConnectionResetError:
            raise Failure(f"{what}: reset instead of an orderly end") from None


class Server:
    """A server process on a free port; leaving the block stops it and wants exit status 0."""

    def __init__(self, path, *options, nofile=None, stop=signal.SIGTERM):
        self.command = [path, "--address", "127.0.0.1:0", *options]
        self.nofile, self.stop_signal = nofile, stop
        self.errors = tempfile.TemporaryFile()
        self.output = ""

    def __enter__(self):
        def limit():
            if self.nofile:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.nofile, self.nofile))
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.errors,
                                        preexec_fn=limit, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("listening on "):
            self.process.kill()
            raise Failure(f"no listening line: {line!r} {self.log()}")
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def client(self):
        return Client(self.port)

    def signal(self, number=None):
        self.process.send_signal(number or self.stop_signal)

    def wait(self):
        """Exit status; kills what does not end."""
        try:
            self.output, _ = self.process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Failure("the server does not stop") from None
        return self.process.returncode

    def log(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            rows = dict(line.split(":", 1) for line in f)
        return int(rows["VmRSS"].split()[0]) + int(rows["VmPTE"].split()[0])

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.signal()
        try:
            status = self.wait()
            if kind is None or status != 0:
                check_equal(status, 0, f"exit status; {error or 'no error'}; stderr: {self.log()}")
        finally:
            self.process.stdout.close()
            self.errors.close()


def raise_nofile(wanted):
    """Let this process and its children have `wanted` descriptors; False if the system refuses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return True
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError):
        return False
    return True
