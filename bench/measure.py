"""Starting a server on its core, loading it from another, and reading what it cost.

The load is made by wrk, and where handshakes are what counts by bench/tls_load.cpp.

The server's time on the processor comes from the kernel (/proc/<pid>/schedstat, all threads and
children), so a machine that does other work beside us makes a round longer, not dearer.
"""
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import peers

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
# What OpenSSL 3.0 prefers and all servers here can do: with less in common nothing is compared.
NEGOTIATED = {"version": "TLSv1.3", "group": "x25519", "cipher": "TLS_AES_256_GCM_SHA384"}
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6}


class Failed(Exception):
    """A server or a load that did not do what a measure is taken of."""


@dataclass
class Load:
    """Where the load comes from, and what makes it where wrk cannot."""
    core: int
    tls_program: str


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def pin(cores):
    def in_child():
        os.sched_setaffinity(0, cores)
        raise_descriptor_limit()
    return in_child


class Running:
    """A started server. `under` is a tracer that it is started by."""

    def __init__(self, peer, scenario, folder, core, under=()):
        self.peer = peer
        self.scenario = scenario
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = peers.certificates(folder) / "ca.pem"
        self.port = 0 if peer.prints_port else peers.free_port()
        command = [*under, *peer.command(scenario, folder, self.port)]
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, preexec_fn=pin({core}))
        self.traced = bool(under)
        try:
            if peer.prints_port:
                self.port = int(self.process.stdout.readline() or 0)
            self.check_answer()
        except (Failed, OSError, ValueError) as why:
            self.stop()
            raise Failed(f"{peer.name} does not serve {scenario.name}: {why}\n"
                         f"{(folder / 'log').read_text()[-2000:]}") from None

    @property
    def url(self):
        scheme = "https" if self.scenario.tls else "http"
        return f"{scheme}://{HOST}:{self.port}{self.peer.path(self.scenario)}"

    def pids(self):
        """The server and its children, without the tracer."""
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").iterdir():
                queue += [int(child) for child in (task / "children").read_text().split()]
        return found[1:] if self.traced else found

    def request_bytes(self):
        scenario = self.scenario
        head = f" {self.peer.path(scenario)} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n"
        if scenario.kind == "close":
            head += "Connection: close\r\n"
        if scenario.kind == "post":
            return (f"POST{head}Content-Length: {scenario.body_bytes}\r\n\r\n".encode() +
                    b"x" * scenario.body_bytes)
        return f"GET{head}\r\n".encode()

    def connect(self, seconds=20):
        stream = socket.create_connection((HOST, self.port), timeout=seconds)
        if not self.scenario.tls:
            return stream
        context = ssl.create_default_context(cafile=str(self.ca))
        stream = context.wrap_socket(stream, server_hostname=HOST)
        if stream.cipher()[:2] != (NEGOTIATED["cipher"], NEGOTIATED["version"]):
            raise Failed(f"it speaks {stream.cipher()}")
        return stream

    def check_answer(self, seconds=20):
        """One request, answered as all servers are to answer it. Waits until the server is up."""
        until = time.monotonic() + seconds
        while True:
            try:
                stream = self.connect(seconds)
                break
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    raise Failed("it ended") from None
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        with stream:
            stream.sendall(self.request_bytes())
            head, body = read_answer(stream)
        fields = {line.split(":")[0].lower() for line in head.split("\r\n")[1:] if ":" in line}
        missing = {"date", "server", "content-type", "content-length"} - fields
        if not head.startswith("HTTP/1.1 200 ") or missing:
            raise Failed(f"not the answer to compare, without {sorted(missing)}: {head}")
        wanted = self.scenario.answer_bytes
        if wanted is not None and body != wanted:
            raise Failed(f"{body} bytes of body instead of {wanted}")

    def stop(self):
        for pid in self.pids() if self.process.poll() is None else []:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


def read_answer(stream):
    """Head and number of body bytes of one answer with a Content-Length."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = stream.recv(65536)
        if not more:
            raise Failed(f"the connection ended inside a head: {got[:200]}")
        got += more
    head, _, rest = got.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    size = len(rest)
    while length and size < int(length[1]):
        more = stream.recv(1 << 20)
        if not more:
            raise Failed("the connection ended inside a body")
        size += len(more)
    return head.decode("latin-1"), size


def cpu_ns(pids):
    """Time on the processor so far, and how many clock ticks of it were user and system."""
    total = user = system = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user += int(fields[11])
        system += int(fields[12])
    return total, user, system


def resident_bytes(pids):
    total = 0
    for pid in pids:
        found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        total += int(found[1]) * 1024
    return total


def run_load(running, seconds, load):
    """Requests, requests a second, p50 and p99 in microseconds, as the client counted them."""
    if running.scenario.kind in ("full", "resumed"):
        return run_handshakes(running, seconds, load)
    return run_wrk(running, seconds, load.core)


def tls_load(kind, running, load, *flags):
    """Starts bench/tls_load.cpp: a process whose output is one line of JSON."""
    path = running.peer.path(running.scenario)
    command = [load.tls_program, kind, str(running.port), "--ca", str(running.ca), "--path", path]
    return subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True,
                            preexec_fn=pin({load.core}))


def told(process):
    text = process.communicate()[0]
    if process.returncode != 0:
        raise Failed(f"weir_tls_load: it ended with {process.returncode}")
    return json.loads(text)


def run_handshakes(running, seconds, load):
    scenario = running.scenario
    out = told(tls_load(scenario.kind, running, load, "--seconds", str(seconds),
                        "--connections", str(scenario.connections)))
    spoken = {key: out[key] for key in NEGOTIATED}
    resumed = out["requests"] if scenario.kind == "resumed" else 0
    if out["requests"] == 0 or spoken != NEGOTIATED or out["resumed"] != resumed:
        raise Failed(f"{running.peer.name}, {scenario.name}: {out}")
    out["requests_per_second"] = out["requests"] / out["seconds"]
    return out


def run_wrk(running, seconds, core):
    scenario = running.scenario
    command = ["wrk", "-t1", f"-c{scenario.connections}", f"-d{seconds}s", "--latency"]
    tail = []
    if scenario.kind == "close":
        command += ["-H", "Connection: close"]
    if scenario.pipeline > 1:
        command += ["-s", str(HERE / "wrk/pipeline.lua")]
        tail = ["--", str(scenario.pipeline)]
    if scenario.kind == "post":
        command += ["-s", str(HERE / "wrk/post.lua")]
        tail = ["--", str(scenario.body_bytes)]
    done = subprocess.run([*command, running.url, *tail], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, preexec_fn=pin({core}))
    text = done.stdout
    requests = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m|h)", text)
    if done.returncode != 0 or requests is None or int(requests[1]) == 0:
        raise Failed(f"wrk against {running.peer.name}, {scenario.name}: {text}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    socket_errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), "
                              r"timeout (\d+)", text)
    errors = int(bad[1]) if bad else 0
    errors += sum(int(count) for count in socket_errors.groups()) if socket_errors else 0
    took_us = float(requests[2]) * UNITS[requests[3]]
    out = {"requests": int(requests[1]), "errors": errors,
           "requests_per_second": int(requests[1]) / took_us * 1e6}
    for name, percent in (("p50_us", "50%"), ("p99_us", "99%")):
        found = re.search(rf"^ +{percent} +([\d.]+)(us|ms|s|m|h)$", text, re.M)
        out[name] = float(found[1]) * UNITS[found[2]]
    return out


def load_round(running, seconds, load):
    pids = running.pids()
    before = cpu_ns(pids)
    out = run_load(running, seconds, load)
    after = cpu_ns(pids)
    ticks = (after[1] - before[1]) + (after[2] - before[2])
    out["cpu_us"] = (after[0] - before[0]) / 1e3 / out["requests"]
    out["user_share"] = (after[1] - before[1]) / ticks if ticks else 0.0
    return out


def count_calls(peer, scenario, folder, seconds, server_core, load):
    """System calls per request, by name, or None where strace may not trace. What the server does
    without load, start and end included, is counted once more and taken off."""
    counts = folder / "calls"
    tracer = ["strace", "-f", "-c", "-U", "calls,name", "-o", str(counts)]
    totals = []
    requests = 1
    for loaded in (False, True):
        try:
            running = Running(peer, scenario, folder, server_core, tracer)
        except Failed as why:
            if "trace" in str(why) and "ermitted" in str(why):
                return None
            raise
        try:
            if loaded:
                requests = run_load(running, seconds, load)["requests"]
        finally:
            running.stop()
        rows = re.findall(r"^ *(\d+) +(\w+)$", counts.read_text(), re.M)
        totals.append({name: int(count) for count, name in rows if name != "total"})
    idle, busy = totals
    each = {name: (count - idle.get(name, 0)) / requests for name, count in busy.items()}
    return {name: count for name, count in each.items() if count > 0.005}


def idle_memory(peer, scenario, folder, core, connections):
    """Resident bytes that each kept connection adds, once it was answered and waits."""
    running = Running(peer, scenario, folder, core)
    streams = []
    try:
        for _ in range(64):  # what the first ones make the server set aside is not theirs
            streams.append(answered(running))
        before = resident_bytes(running.pids())
        for _ in range(connections):
            streams.append(answered(running))
        after = resident_bytes(running.pids())
        return {"bytes_per_connection": (after - before) / connections, "resident_bytes": after}
    finally:
        for stream in streams:
            stream.close()
        running.stop()


def answered(running):
    stream = running.connect()
    stream.sendall(running.request_bytes())
    read_answer(stream)
    return stream


def machine():
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    system = ""
    release = Path("/etc/os-release")
    if release.exists():
        found = re.search(r'^PRETTY_NAME="(.*)"', release.read_text(), re.M)
        system = found[1] if found else ""
    kernel = ".".join(os.uname().release.split(".")[:2])
    return (f"{cpu[1] if cpu else os.uname().machine}, {os.cpu_count()} cores, {system}, "
            f"kernel {kernel}, loopback")


def cores():
    """One for the server and another for the load, of those this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        print("bench: only one core: server and load share it, and latencies mean little",
              file=sys.stderr)
    return allowed[0], allowed[-1]
