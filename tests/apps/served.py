"""A `weir serve` under test: started on free ports, and gone at the end whatever happened.

The program of another system runs by an emulator (wine). A Windows program is started by a console
of its own (tests/support/raw_console.cpp), which sends it what signals are there.
"""
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

PROGRAM = os.environ.get("WEIR_PROGRAM") or str(
    Path(__file__).resolve().parents[2] / "build/dev/bin/weir")
EMULATOR = shlex.split(os.environ.get("WEIR_EMULATOR", ""))
CONSOLE = os.environ.get("WEIR_CONSOLE")
WINDOWS = CONSOLE is not None
# The program as a command that says something and ends.
COMMAND = [*EMULATOR, PROGRAM]
# A reason to leave a test out must be one of these.
NO_UNIX_SOCKETS = unittest.skipIf(WINDOWS, "wine has no Unix-domain sockets")
NO_SHARED_PORTS = unittest.skipIf(WINDOWS, "one thread accepts for all on Windows")
NO_POSIX = unittest.skipIf(WINDOWS, "about what only POSIX has")
SANITIZED = os.environ.get("WEIR_SANITIZED") == "1"
# What a deadline of a test is multiplied with: sanitizers are slow, shared machines slower.
PATIENCE = 4 if SANITIZED or EMULATOR else 1
# Variables of whoever runs the tests that would change what is tested.
CLEAN = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}


def until(condition, what, seconds=20):
    """Waits for a condition, under a deadline; returns what it returned."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.01)  # between two looks; what is waited for is the condition


def settled(read, looks=10):
    """A number when it has come to rest: the same at so many looks in a row."""
    seen = []

    def at_rest():
        seen.append(read())
        return len(seen) >= looks and len(set(seen[-looks:])) == 1
    until(at_rest, "a number to come to rest")
    return seen[-1]


class Collector(threading.Thread):
    """Reads a pipe to its end, so that the server never waits for us."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe, self.lines, self.ended = pipe, [], False
        self.start()

    def run(self):
        for line in self.pipe:
            self.lines.append(line)
        self.ended = True

    def text(self):
        return b"".join(self.lines).decode("latin-1")


class Served:
    def __init__(self, *flags, listen=("127.0.0.1:0",), print_port=True, limit=None, unread=False,
                 more=0, folder=None):
        """`unread`: nobody reads standard output behind the ports. `more`: how many ports are
        printed behind those of `listen`. `folder`: where it runs."""
        words = [*EMULATOR, *([CONSOLE] if WINDOWS else []), PROGRAM, "serve"]
        for each in listen:
            words += ["--listen", each]
        if print_port:
            words.append("--print-port")
        words += [str(f) for f in flags]
        if limit:  # of open files, soft and hard: "-Sn 64" and so on
            words = ["/bin/sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *words]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.PIPE if WINDOWS else None,
                                        bufsize=0 if unread else -1, env=CLEAN, cwd=folder)
        self.err = Collector(self.process.stderr)
        if unread:
            self.out = None
            self.bound = [self.process.stdout.readline().decode().strip() for _ in listen]
            return
        self.out = Collector(self.process.stdout)
        ports = len(listen) + more
        until(lambda: len(self.out.lines) >= ports or self.process.poll() is not None
              if print_port else "listening" in self.err.text(), "the server to listen")
        if self.process.poll() is not None:
            self.kill()
            raise AssertionError(f"it ended with {self.process.returncode}: {self.err.text()}")
        self.bound = [line.decode().strip() for line in self.out.lines[:ports]]

    @property
    def port(self):
        return int(self.bound[0])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def secure_url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def connect(self, seconds=20):
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds * PATIENCE)

    def raw(self, request):
        """Sends bytes and returns all that comes until the server closes."""
        with self.connect() as peer:
            peer.sendall(request)
            got = b""
            while piece := peer.recv(65536):
                got += piece
            return got

    def log_lines(self):
        """What stands on standard output behind the ports."""
        return self.out.text().splitlines()[len(self.bound):]

    def signal(self, number=signal.SIGTERM):
        if WINDOWS:
            self.at_console({signal.SIGTERM: "break", signal.SIGINT: "interrupt"}[number])
        else:
            self.process.send_signal(number)

    def at_console(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def asked_at_console(self, what):
        """What the console says of the program, as a number."""
        def answers():
            return re.findall(rf"^console: {what} (\d+)$", self.err.text(), re.M)
        before = len(answers())
        self.at_console(what)
        return int(until(lambda: answers()[before:], f"the console's answer to {what}")[0])

    def wait(self, seconds=20):
        """The exit code; standard output and error are complete then."""
        code = self.process.wait(timeout=seconds * PATIENCE)
        until(lambda: (self.out is None or self.out.ended) and self.err.ended,
              "the end of its output")
        return code

    def stop(self):
        """An orderly end: returns (drained, forced)."""
        self.signal()
        code = self.wait()
        if code != 0:
            raise AssertionError(f"it ended with {code}: {self.err.text()}")
        return self.counts()

    def counts(self):
        found = re.search(r"drained (\d+), forced (\d+), abandoned \d+$", self.err.text(), re.M)
        if not found:
            raise AssertionError(f"no counts in: {self.err.text()}")
        return int(found[1]), int(found[2])

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for collector in (self.out, self.err):
            if collector is not None:
                collector.join()
                collector.pipe.close()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    # What the system says of the process.
    def memory_peak(self):
        if WINDOWS:
            return self.asked_at_console("memory")
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def descriptors(self):
        if WINDOWS:
            return self.asked_at_console("handles")
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def cert(folder, *words, **options):
    """`weir cert` in a folder."""
    return subprocess.run([*COMMAND, "cert", *words], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60 * PATIENCE, check=False,
                          env=CLEAN, **options)


class ServedTest(unittest.TestCase):
    """A test case that starts servers and leaves none behind."""

    def serve(self, *flags, **options):
        server = Served(*flags, **options)
        self.addCleanup(server.kill)
        return server

    def folder(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        return Path(made.name)

    def certificates(self, *words):
        """A folder with an authority and the certificate of a server: see OWN_TLS."""
        folder = self.folder()
        done = cert(folder, *words)
        self.assertEqual(0, done.returncode, done.stderr)
        return folder


# For a server that runs in such a folder.
OWN_TLS = ("--tls-cert", "server.pem", "--tls-key", "server.key")


def curl(*words, check=True, seconds=60):
    """Runs curl; the result has stdout and stderr as bytes."""
    done = subprocess.run(["curl", "-sS", "--max-time", str(seconds * PATIENCE),
                           *[str(w) for w in words]],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"curl {words}: {done.returncode} {done.stderr.decode()}")
    return done


class Answer:
    def __init__(self, *words):
        done = curl("-i", *words)
        head, _, self.body = done.stdout.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 1"):  # interim answers
            head, _, self.body = self.body.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()


def need(*tools):
    """Ends the whole test as skipped where a tool is missing."""
    for tool in tools:
        if shutil.which(tool) is None:
            print(f"skipped: {tool} is not installed")
            sys.exit(77)
