#!/usr/bin/env python3
"""What only Windows has: events of a console, services, names in UTF-16 and names that are traps.

Under wine each is wine's: its console, its manager of services, its file system.
"""
import os
import subprocess
import unittest
import uuid
from urllib.parse import quote

import served
from served import Answer


class Console(served.ServedTest):
    def drained_by(self, event, threads=2):
        server = self.serve("--threads", str(threads))
        with server.connect() as busy:
            busy.sendall(b"GET /delay/1000 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(200, Answer(server.url + "/plaintext").status)
            server.at_console(event)
            got = b""
            while piece := busy.recv(1000):
                got += piece
        self.assertIn(b"waited 1000 ms", got)
        self.assertIn(b"Connection: close", got)
        self.assertEqual(0, server.wait())
        drained, forced = server.counts()
        self.assertEqual(0, forced)
        self.assertGreaterEqual(drained, 1)

    def test_ctrl_c_drains_what_is_in_flight(self):
        self.drained_by("interrupt")

    def test_ctrl_break_drains_what_is_in_flight(self):
        self.drained_by("break")

    def test_closing_the_console_drains_and_does_not_hang(self):
        self.drained_by("close")

    def test_logging_off_drains(self):
        self.drained_by("logoff")

    def test_shutting_down_drains(self):
        self.drained_by("shutdown")

    def test_logging_off_and_then_shutting_down_is_one_request_to_end(self):
        server = self.serve()
        with server.connect() as busy:
            busy.sendall(b"GET /delay/1000 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(200, Answer(server.url + "/plaintext").status)
            server.at_console("logoff")
            server.at_console("shutdown")
            self.assertIn(b"waited 1000 ms", busy.recv(1000))
        self.assertEqual(0, server.wait())
        self.assertEqual(0, server.counts()[1])

    def test_a_second_ctrl_c_ends_at_once_with_130(self):
        server = self.serve("--drain-timeout", "60s", "--drain-delay", "60s")
        server.at_console("interrupt")
        served.until(lambda: Answer(server.url + "/healthz").fields.get("connection") == "close",
                     "the drain to begin")
        server.at_console("interrupt")
        self.assertEqual(130, server.wait())
        self.assertIn("second signal", server.err.text())


class Service(served.ServedTest):
    """The real manager of services starts the program, and stops it."""

    def sc(self, *words):
        done = subprocess.run([*served.EMULATOR, "sc", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=served.CLEAN, check=False,
                              timeout=60 * served.PATIENCE)
        return done.stdout.decode("latin-1")

    def state(self, name):
        return dict(line.split(":", 1) for line in
                    (each.replace(" ", "") for each in self.sc("query", name).splitlines())
                    if ":" in line)

    def until_state(self, name, state):
        served.until(lambda: self.state(name).get("STATE", "").endswith(state), state)
        return self.state(name)

    def create(self, *flags):
        # wine ends its manager, and its services with it, when no other program runs.
        self.serve()
        name = "weir-" + uuid.uuid4().hex[:8]
        program = served.PROGRAM.replace("/", "\\")
        self.sc("create", name, "binPath=", f'"Z:{program}" serve --service ' + " ".join(flags))
        self.addCleanup(self.sc, "delete", name)
        self.addCleanup(self.sc, "stop", name)
        self.sc("start", name)
        return name

    def free_port(self):
        with served.socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def test_the_stop_control_drains_what_is_in_flight(self):
        port = self.free_port()
        url = f"http://127.0.0.1:{port}"
        name = self.create("--listen", f"127.0.0.1:{port}")
        self.until_state(name, "RUNNING")
        self.assertEqual(200, Answer(url + "/healthz").status)
        with served.socket.create_connection(("127.0.0.1", port)) as busy:
            busy.sendall(b"GET /delay/3000 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(200, Answer(url + "/healthz").status)
            self.sc("stop", name)
            self.until_state(name, "STOP_PENDING")
            got = b""
            while piece := busy.recv(1000):
                got += piece
        self.assertIn(b"waited 3000 ms", got)
        self.assertIn(b"Connection: close", got)
        end = self.until_state(name, "STOPPED")
        self.assertTrue(end["WIN32_EXIT_CODE"].startswith("0"), end)

    def test_a_service_that_cannot_listen_stops_with_the_exit_code_of_the_program(self):
        name = self.create("--listen", "192.0.2.1:1")
        end = self.until_state(name, "STOPPED")
        # ERROR_SERVICE_SPECIFIC_ERROR, and then our own 2: something cannot be used.
        self.assertTrue(end["WIN32_EXIT_CODE"].startswith("1066"), end)
        self.assertTrue(end["SERVICE_EXIT_CODE"].startswith("2"), end)


class Names(served.ServedTest):
    NAMES = ("\u00e9t\u00e9.txt", "\u65e5\u672c.txt", "\U0001f30a.txt",
             "\u65e5\u672c/\u00e9/\U0001f600.txt")

    def make(self, files):
        root = self.folder() / "\u00f6ffentlich \u65e5\u672c \U0001f4c1"
        for name, body in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        return root

    def test_folders_and_files_are_found_by_any_name_in_utf8(self):
        root = self.make({name: "body of " + name for name in self.NAMES})
        server = self.serve("--files", root)
        for name in self.NAMES:
            answer = Answer(f"{server.url}/files/{quote(name)}")
            self.assertEqual((200, "body of " + name), (answer.status, answer.body.decode()))
        for name in ("%E9t%E9.txt", "%ED%A0%BD", "%FF", quote("\u65e5.txt")):
            self.assertEqual(404, Answer(f"{server.url}/files/{name}").status, name)

    def test_messages_are_utf8_and_lines_end_as_everywhere(self):
        missing = "\u00e9 \u65e5\u672c \U0001f30a"
        done = subprocess.run([*served.COMMAND, "serve", "--files", missing],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=served.CLEAN,
                              timeout=60, check=False)
        self.assertEqual(2, done.returncode)
        self.assertIn(f"cannot serve the folder {missing}: not_found", done.stderr.decode("utf-8"))
        self.assertNotIn(b"\r", done.stderr)
        self.assertNotIn(b"\r", subprocess.run([*served.COMMAND, "--version"],
                                               stdout=subprocess.PIPE, env=served.CLEAN,
                                               timeout=60, check=True).stdout)

    def test_words_are_as_they_were_quoted_and_no_file_names_are_put_in_for_stars(self):
        for word in ("a b", 'a"b', "a\\", "a\\\\ b\\", "*", "\U0001f30a", ""):
            done = subprocess.run([*served.COMMAND, "serve", "--listen=" + word],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=served.CLEAN, timeout=60, check=False)
            self.assertEqual(2, done.returncode, done.stderr)
            if word:
                self.assertIn(f"cannot listen on {word}:", done.stderr.decode("utf-8"))

    def test_no_name_that_windows_reads_as_another_is_served(self):
        root = self.make({"page.html": "page", "a very long name.html": "long", ".env": "key",
                          ".git/config": "git", "sub/x.txt": "x"})
        (root.parent / "secret.txt").write_text("secret")
        server = self.serve("--files", root)
        for name in ("page.html::$DATA", "page.html:stream", ":stream", "page.html:$DATA",
                     "page.html.", "page.html ", "page.html. .", "sub./x.txt", "sub /x.txt",
                     "CON", "con.txt", "NUL", "nul.html", "AUX", "PRN", "COM1", "com9.txt", "LPT1",
                     "COM\u00b9", "CONIN$", "CONOUT$", "CLOCK$", "sub/NUL", "NUL /x", "aux.h.html",
                     "sub\\x.txt", "..\\secret.txt", "sub\\..\\..\\secret.txt", "\\page.html",
                     "\\\\?\\C:\\windows\\win.ini", "C:\\windows\\win.ini", "C:page.html",
                     "C:/windows/win.ini", "\\\\localhost\\c$\\windows\\win.ini",
                     "\\??\\C:\\windows\\win.ini", "\\\\.\\NUL", "page.htm?", "page*", "<", ">",
                     "pag\"", "p|", "\u2025/secret.txt", "page.html\x01", "page\uff0ehtml"):
            answer = Answer("--path-as-is", f"{server.url}/files/{quote(name, safe='/')}")
            self.assertIn(answer.status, (400, 404), name)
            for body in (b"page", b"secret", b"key", b"[fonts]"):
                self.assertNotEqual(body, answer.body, name)
        self.assertEqual(b"page", Answer(server.url + "/files/page.html").body)

    def test_no_short_name_stands_in_for_a_long_or_a_hidden_one(self):
        root = self.make({"a very long name.html": "long", ".env": "key", ".git/config": "git",
                          "tilde~1.txt": "its own name", "sub~a/x.txt": "too"})
        server = self.serve("--files", root)
        hidden = []
        for name in ("a very long name.html", ".env", ".git"):
            short = self.short_name(root, name)
            if short:
                hidden.append(short + "/config" if name == ".git" else short)
        self.assertTrue(hidden, "this file system has no short names")
        for name in (*hidden, "AVERYL~1.HTM", "ENV~1", "GIT~1/config"):
            self.assertEqual(404, Answer(f"{server.url}/files/{quote(name)}").status, name)
        self.assertEqual(b"its own name", Answer(server.url + "/files/tilde~1.txt").body)
        self.assertEqual(b"too", Answer(server.url + "/files/sub~a/x.txt").body)

    def short_name(self, folder, name):
        """As `dir /x` has it: date, time, size or <DIR>, short name, name."""
        listed = subprocess.run([*served.EMULATOR, "cmd", "/c", "dir", "/x", "/a"], cwd=folder,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60,
                                env=served.CLEAN, check=True).stdout.decode("latin-1")
        for line in listed.splitlines():
            if line.endswith(" " + name) and "~" in line[:-len(name)]:
                return next(word for word in line[:-len(name)].split() if "~" in word)
        return None


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    unittest.main(verbosity=2)
