#!/usr/bin/env python3
"""From start to end: where it listens, how signals drain it, and what it leaves behind."""
import json
import os
import signal
import socket
import stat
import subprocess
import time
import unittest

import served
from served import Answer, curl


class Lifecycle(served.ServedTest):
    def test_each_bound_port_is_printed_on_a_line_of_its_own(self):
        server = self.serve(listen=("127.0.0.1:0", "[::1]:0"))
        ipv4, ipv6 = server.bound
        self.assertEqual(b"Hello, World!", curl(f"http://127.0.0.1:{ipv4}/plaintext").stdout)
        self.assertEqual(b"Hello, World!", curl("-g", f"http://[::1]:{ipv6}/plaintext").stdout)

    @served.NO_UNIX_SOCKETS
    def test_the_path_of_a_unix_socket_is_printed_among_the_ports(self):
        folder = self.folder()
        server = self.serve(listen=("127.0.0.1:0", f"unix:{folder}/s"))
        path = server.bound[1]
        self.assertEqual(f"{folder}/s", path)
        self.assertEqual(b"Hello, World!",
                         curl("--unix-socket", path, "http://unix/plaintext").stdout)

    @served.NO_UNIX_SOCKETS
    def test_a_unix_socket_lives_as_long_as_its_server(self):
        path = self.folder() / "s"
        server = self.serve(listen=(f"unix:{path}",))
        self.assertTrue(stat.S_ISSOCK(path.stat().st_mode))
        self.assertEqual(b"ok\n", curl("--unix-socket", path, "http://a/healthz").stdout)
        # A second server does not take it away from the first.
        with self.assertRaisesRegex(AssertionError, "ended with 2.*taken"):
            self.serve(listen=(f"unix:{path}",))
        self.assertEqual(b"ok\n", curl("--unix-socket", path, "http://a/healthz").stdout)
        server.stop()
        self.assertFalse(path.exists())

    @served.NO_UNIX_SOCKETS
    def test_a_socket_that_a_crash_left_behind_is_taken_over(self):
        path = self.folder() / "s"
        server = self.serve(listen=(f"unix:{path}",))
        server.kill()
        self.assertTrue(path.exists())
        self.serve(listen=(f"unix:{path}",))
        self.assertEqual(b"ok\n", curl("--unix-socket", path, "http://a/healthz").stdout)

    @served.NO_UNIX_SOCKETS
    def test_a_file_at_the_path_is_refused_and_kept(self):
        path = self.folder() / "s"
        path.write_text("precious")
        with self.assertRaisesRegex(AssertionError, "ended with 2"):
            self.serve(listen=(f"unix:{path}",))
        self.assertEqual("precious", path.read_text())

    def test_one_signal_drains_answers_what_is_under_way_and_counts(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve("--threads", "2")
            with server.connect() as busy, server.connect() as idle:
                # On the connections that are counted: another may still be closing at the drain.
                busy.sendall(b"GET /delay/1000 HTTP/1.1\r\nHost: a\r\n\r\n")
                for _ in range(2):
                    idle.sendall(b"GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n")
                    self.assertTrue(idle.recv(1000).startswith(b"HTTP/1.1 200 "))
                begin = time.monotonic()
                server.signal(number)
                self.assertEqual(b"", idle.recv(1000))
                closed = time.monotonic() - begin
                got = b""
                while piece := busy.recv(1000):
                    got += piece
            self.assertIn(b"waited 1000 ms", got)
            self.assertIn(b"Connection: close", got)
            self.assertEqual(0, server.wait())
            self.assertEqual((2, 0), server.counts())
            self.assertLess(closed, 0.9, "an idle connection waits for nobody")

    def test_a_drain_ends_at_its_time_out_whoever_is_still_there(self):
        server = self.serve("--drain-timeout", "300ms", "--threads", "2")
        with server.connect() as busy:
            busy.sendall(b"GET /delay/60000 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(200, Answer(server.url + "/plaintext").status)
            begin = time.monotonic()
            server.signal()
            self.assertEqual(0, server.wait())
            took = time.monotonic() - begin
        self.assertEqual((0, 1), server.counts())
        self.assertGreaterEqual(took, 0.3)
        self.assertLess(took, 0.8 * served.PATIENCE + 1)

    def test_blocked_workers_refuse_more_and_hold_up_nobody_else(self):
        server = self.serve("--blocking-workers-max", "1", "--blocking-queue-deadline", "200ms",
                            "--handler-deadline", "500ms")
        with server.connect() as busy:
            busy.sendall(b"GET /block/60000 HTTP/1.1\r\nHost: a\r\n\r\n")
            answers = []

            def refused():
                answers.append(Answer(server.url + "/block/0"))
                return answers[-1].status == 503
            served.until(refused, "the one worker to be taken")
            self.assertEqual("1", answers[-1].fields["retry-after"])
            self.assertEqual(200, Answer(server.url + "/plaintext").status)
            got = b""
            while piece := busy.recv(1000):
                got += piece
            self.assertTrue(got.startswith(b"HTTP/1.1 504 "), got[:60])
        # Told to stop, it stopped: the worker is free again.
        served.until(lambda: Answer(server.url + "/block/0").status == 200, "the worker")
        server.stop()
        self.assertIn("abandoned 0", server.err.text())

    def test_the_admin_address_tells_of_a_drain_at_once_and_goes_last(self):
        server = self.serve("--admin-listen", "127.0.0.1:0", "--drain-delay", "500ms")
        served.until(lambda: len(server.out.lines) == 2, "its port, behind that of the others")
        admin = f"http://127.0.0.1:{server.out.lines[1].decode().strip()}"
        main = server.url
        for path in ("/livez", "/startupz", "/readyz"):
            answer = Answer(admin + path)
            self.assertEqual((200, {"status": "ok"}), (answer.status, json.loads(answer.body)))
            self.assertEqual("no-store", answer.fields["cache-control"])
            self.assertEqual(404, Answer(main + path).status, "asked for on one address alone")
        self.assertEqual(404, Answer(admin + "/plaintext").status)
        with server.connect() as busy:
            busy.sendall(b"GET /delay/1500 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(200, Answer(main + "/plaintext").status)
            server.signal()
            served.until(lambda: Answer(admin + "/readyz").status == 503, "readiness to flip")
            told = json.loads(Answer(admin + "/readyz").body)
            self.assertEqual(["draining"], [r["code"] for r in told["reasons"]])
            self.assertEqual("not_ready", told["code"])
            # The delay over, the main address is closed; the admin one answers while requests end.
            served.until(lambda: not self.accepts(server.port), "the listener to close")
            self.assertEqual(200, Answer(admin + "/livez").status)
            got = b""
            while piece := busy.recv(1000):
                got += piece
            self.assertIn(b"waited 1500 ms", got)
        self.assertEqual(0, server.wait())

    def test_health_is_beside_all_else_unless_asked_for_elsewhere(self):
        server = self.serve()
        for path in ("/livez", "/startupz", "/readyz"):
            self.assertEqual(200, Answer(server.url + path).status)
        server.stop()

    def test_an_admin_address_that_is_taken_ends_the_start(self):
        holder = self.serve()
        for flags in (("--admin-listen", f"127.0.0.1:{holder.port}"), ("--admin-listen", "")):
            done = subprocess.run([*served.COMMAND, "serve", "--listen", "127.0.0.1:0", *flags],
                                  stderr=subprocess.PIPE, env=served.CLEAN,
                                  timeout=60 * served.PATIENCE)
            self.assertEqual(2, done.returncode)
            self.assertEqual(1, done.stderr.count(b"\n"), done.stderr)
        holder.stop()

    def test_a_second_signal_ends_at_once(self):
        server = self.serve("--drain-timeout", "60s")
        with server.connect() as busy:
            busy.sendall(b"GET /delay/60000 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(200, Answer(server.url + "/plaintext").status)
            server.signal(signal.SIGINT)
            # The first one has been seen when nobody can connect any more.
            served.until(lambda: not self.accepts(server.port), "the listener to close")
            self.assertIsNone(server.process.poll())
            begin = time.monotonic()
            server.signal(signal.SIGINT)
            self.assertEqual(130, server.wait())
            self.assertLess(time.monotonic() - begin, 2 * served.PATIENCE)
        self.assertIn("second signal", server.err.text())

    def accepts(self, port):
        try:
            socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
            return True
        except OSError:
            return False

    def test_while_the_drain_is_delayed_requests_are_served_and_told_to_close(self):
        server = self.serve("--drain-delay", "1s")
        server.signal()
        answers = []

        def told():
            answers.append(Answer(server.url + "/plaintext"))
            return answers[-1].fields.get("connection") == "close"
        served.until(told, "a lame duck")
        self.assertEqual({200}, {a.status for a in answers})
        self.assertEqual(0, server.wait())

    @served.NO_SHARED_PORTS
    def test_two_threads_both_listen_and_both_serve(self):
        server = self.serve("--threads", "2")
        inodes = self.listeners(server.port)
        self.assertEqual(2, len(inodes), "one listener for each thread")
        # The system spreads connections: of 64, one thread alone gets all once in 2^63 runs.
        tasks = lambda: {t: self.switches(server.pid, t)  # noqa: E731
                         for t in os.listdir(f"/proc/{server.pid}/task")}
        before = tasks()
        for _ in range(64):
            with server.connect() as peer:
                peer.sendall(b"GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertTrue(peer.recv(1000).startswith(b"HTTP/1.1 200 "))
        moved = [t for t, count in tasks().items() if count > before.get(t, 0)]
        self.assertGreaterEqual(len(moved), 2, "threads that did something")
        server.stop()

    def listeners(self, port):
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table][1:]
        return [r[9] for r in rows if r[1].endswith(f":{port:04X}") and r[3] == "0A"]

    def switches(self, pid, task):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("voluntary_ctxt_switches"):
                    return int(line.split()[1])
        return 0

    def test_connections_of_all_threads_share_one_limit(self):
        server = self.serve("--threads", "2", "--connections-max", "4")
        peers = []
        for _ in range(4):
            peer = server.connect()
            peer.sendall(b"GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(peer.recv(1000).startswith(b"HTTP/1.1 200 "))
            peers.append(peer)
        got = server.raw(b"")
        self.assertTrue(got.startswith(b"HTTP/1.1 503 "), got[:60])
        self.assertIn(b"Retry-After:", got)
        for peer in peers:
            peer.close()
        served.until(lambda: Answer(server.url + "/plaintext").status == 200, "room again")

    def test_a_dripped_head_gets_408_at_its_deadline(self):
        server = self.serve("--head-deadline", "300ms")
        begin = time.monotonic()
        with server.connect() as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
            got = b""
            while piece := peer.recv(1000):
                got += piece
        self.assertTrue(got.startswith(b"HTTP/1.1 408 "), got[:60])
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
