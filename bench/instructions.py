"""Instructions, counted by callgrind: the same on every run, whatever else the machine does.

Each figure is the difference of two runs of different length, so that start and end are not in it.
Only what runs in the process is counted, not the kernel's part.
"""
import json
import re
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from measure import HOST, Failed, read_answer


def valgrind(counts):
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", "-q"]


def counted(counts):
    found = re.search(r"^(?:summary|totals): (\d+)", counts.read_text(), re.M)
    if found is None:
        raise Failed(f"callgrind left no sum in {counts}")
    return int(found[1])


def of_case(program, name, times):
    """None where valgrind does not know an instruction: those of SSE4.2 for strings, for one."""
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts"
        done = subprocess.run([*valgrind(counts), program, name, str(times)], check=False,
                              stderr=subprocess.DEVNULL)
        return counted(counts) if done.returncode == 0 else None


def micro(build, with_counts):
    """Each case of weir_micro: nanoseconds, and instructions where valgrind is there."""
    program = str(build / "bin/weir_micro")
    done = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row in rows if with_counts else []:
        few, many = of_case(program, row["name"], 1000), of_case(program, row["name"], 3000)
        if few is not None and many is not None:
            row["instructions"] = (many - few) / 2000
    return rows


def play(scenario, port, path, requests):
    """So many requests, from one client that waits for each answer or batch."""
    head = f"{path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
    if scenario.kind == "close":
        one = f"GET {head}Connection: close\r\n\r\n".encode()
        for _ in range(requests):
            with socket.create_connection((HOST, port), timeout=60) as stream:
                stream.sendall(one)
                read_answer(stream)
        return
    one = f"GET {head}\r\n".encode()
    if scenario.kind == "post":
        one = (f"POST {head}Content-Length: {scenario.body_bytes}\r\n\r\n".encode() +
               b"x" * scenario.body_bytes)
    with socket.create_connection((HOST, port), timeout=60) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.sendall(one)
        size = sum(read_answer_sizes(stream))
        for _ in range(requests // scenario.pipeline):
            stream.sendall(one * scenario.pipeline)
            left = size * scenario.pipeline
            while left > 0:
                got = stream.recv(min(left, 1 << 20))
                if not got:
                    raise Failed("the connection ended inside an answer")
                left -= len(got)


def read_answer_sizes(stream):
    head, body = read_answer(stream)
    return len(head) + len("\r\n\r\n"), body


def of_serve(peer, scenario, folder, requests):
    counts = folder / "instructions"
    with open(folder / "log", "w") as log:
        server = subprocess.Popen([*valgrind(counts), *peer.command(scenario, folder, 0)],
                                  stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            play(scenario, int(server.stdout.readline()), peer.path(scenario), requests)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)
            server.stdout.close()
    return counted(counts)


def serve(peer, scenario, folder):
    """Instructions of weir for one request, on one connection (or one connection each)."""
    folder.mkdir(parents=True, exist_ok=True)
    few, many = (of_serve(peer, scenario, folder, requests) for requests in (320, 1280))
    return (many - few) / 960
