#!/usr/bin/env python3
"""The access log: both formats, what peers cannot do to it, and a reader that does not read."""
import json
import re
import subprocess
import unittest

import served
from served import Answer

PLAIN = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ "\S+ \S+" \S+ \d{3} \d+ \d+\.\d{3}ms')


class Log(served.ServedTest):
    def logged(self, *flags):
        """Without the lines of handlers that a busy machine has held up."""
        return self.serve("--loop-hold-max", "unbounded", *flags)

    def lines(self, server, count):
        return served.until(lambda: server.log_lines()[:count]
                            if len(server.log_lines()) >= count else None, f"{count} lines")

    def test_json_lines_are_what_json_tool_reads(self):
        server = self.logged("--log", "json")
        Answer(server.url + "/echo/a?b=c")
        Answer("-d", "abc", server.url + "/submit")
        Answer(server.url + "/nothing")
        rows = []
        for line in self.lines(server, 3):
            tool = subprocess.run(["python3", "-m", "json.tool"], input=line, text=True,
                                  stdout=subprocess.PIPE, check=False)
            self.assertEqual(0, tool.returncode, line)
            rows.append(json.loads(line))
        echo, submit, nothing = rows
        self.assertEqual(("GET", "/echo/a?b=c", "/echo/{text}", 200, 1),
                         tuple(echo[k] for k in ("method", "target", "pattern", "status", "bytes")))
        self.assertRegex(echo["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertRegex(echo["peer"], r"^127\.0\.0\.1:\d+$")
        self.assertGreaterEqual(echo["duration_ms"], 0)
        self.assertEqual(("POST", 200, 3), tuple(submit[k] for k in ("method", "status", "bytes")))
        self.assertEqual((404, ""), (nothing["status"], nothing["pattern"]))

    def test_plain_lines_have_one_form(self):
        server = self.logged("--log", "plain")
        Answer(server.url + "/echo/a")
        server.raw(b"broken\r\n\r\n")
        for line in self.lines(server, 2):
            self.assertRegex(line, "^" + PLAIN.pattern + "$")

    def test_no_target_makes_a_line_or_a_field_of_its_own(self):
        attacks = [b"/a\"b\\c", b"/a%0d%0ab", b"/\x1b[2J", b"/a\tb", b"/\xff\xfe", b"/<\"',{}>",
                   b"/\xe2\x80\xa8", b"/a\x00b", b"/\x7f", b"/x\" 200 0 forged"]
        for how in ("plain", "json"):
            server = self.logged("--log", how)
            for target in attacks:
                server.raw(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            Answer(server.url + "/healthz")
            lines = self.lines(server, len(attacks) + 1)
            self.assertEqual(0, server.stop()[1], "forced")
            self.assertEqual(len(attacks) + 1, len(server.log_lines()), server.log_lines())
            for line in lines:
                self.assertNotRegex(line, r"[^\x20-\x7e]")
                if how == "json":
                    self.assertEqual(8, len(json.loads(line)))
                else:
                    self.assertRegex(line, "^" + PLAIN.pattern + "$")

    def test_off_is_the_default_and_writes_nothing(self):
        server = self.serve()
        Answer(server.url + "/plaintext")
        server.stop()
        self.assertEqual([], server.log_lines())

    def test_every_request_of_several_threads_is_there(self):
        server = self.logged("--log", "json", "--threads", "3")
        for _ in range(30):
            Answer(server.url + "/plaintext")
        server.stop()
        self.assertEqual(30, len([json.loads(line) for line in server.log_lines()]))

    def start_unread(self):
        """A server whose standard output nobody reads behind the port."""
        return self.serve("--log", "plain", "--requests-per-connection-max", "unbounded",
                          "--loop-hold-max", "unbounded", unread=True)

    def ask(self, server, times):
        with server.connect() as peer:
            one = b"GET /echo/" + b"a" * 4000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
            for _ in range(times):
                peer.sendall(one)
                got = b""
                while got.count(b"a" * 4000) == 0:
                    piece = peer.recv(65536)
                    self.assertTrue(piece)
                    got += piece

    def test_a_reader_that_does_not_read_holds_up_neither_requests_nor_the_end(self):
        server = self.start_unread()
        self.ask(server, 600)  # 2.4 MB of lines: the pipe and the buffer are full long before
        server.signal()
        self.assertEqual(0, server.wait())
        self.assertIn("nobody reads the access log", server.err.text())

    def test_what_did_not_fit_is_counted_in_the_log(self):
        server = self.start_unread()
        self.ask(server, 600)
        rest = served.Collector(server.process.stdout)
        self.ask(server, 1)
        server.signal()
        self.assertEqual(0, server.wait())
        served.until(lambda: rest.ended, "the end of the log")
        lines = rest.text().splitlines()
        dropped = sum(int(n) for n in re.findall(r"^- dropped (\d+) lines$", rest.text(), re.M))
        self.assertGreater(dropped, 0)
        self.assertEqual(601, dropped + sum(1 for line in lines if PLAIN.fullmatch(line)))

    def test_a_reader_that_goes_away_does_not_end_the_server(self):
        server = self.start_unread()
        server.process.stdout.close()
        self.ask(server, 20)
        server.signal()
        self.assertEqual(0, server.wait())
        self.assertIn("cannot be written any more", server.err.text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
