#!/usr/bin/env python3
"""What the command line takes, and how it says no: one line, the name of the flag, exit code 2."""
import re
import subprocess
import unittest
from pathlib import Path

import served

ROOT = Path(__file__).resolve().parents[2]


def run(*words):
    return subprocess.run([*served.COMMAND, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def limit_fields():
    """(flag, kind, may be unbounded) as the header of the limits has them."""
    text = (ROOT / "http/include/weir/http/limits.hpp").read_text()
    table = text[text.index("inline constexpr auto limit_fields"):]
    for call in re.finditer(r"detail::(\w+)_field\(\s*\"(\w+)\"(.*?)\),\n", table, re.S):
        kind = "rate" if "limit_kind::rate" in call[3] else call[1]
        yield "--" + call[2].replace("_", "-"), kind, not re.search(
            r"\",\s*(true,\s*)?false", call[3])


LIMITS = list(limit_fields())
GOOD = {"duration": "4s", "bytes": "4KiB", "rate": "100", "count": "50"}
BAD = {
    "duration": ["", "4", "s", "-4s", "+4s", " 4s", "4 s", "4s ", "1.5s", "4S", "0s",
                 "99999999999999999999s", "9999999999h", "0x4s", "4ss", "infinite"],
    "bytes": ["", "-1", "1.5MiB", "1MB", "1 MiB", "KiB", "0", "99999999999999999999",
              "99999999999TiB", "0x10"],
    "rate": ["", "-1", "1/min", "0", "0/s"],
    "count": ["", "-1", "1k", "1.0", "0", "4294967295", "4294967296", "1e3", " 1"],
}


class CommandLine(served.ServedTest):
    def refused(self, *words, says):
        done = run("serve", *words)
        self.assertEqual(2, done.returncode, (words, done.stderr))
        self.assertEqual("", done.stdout, words)
        self.assertEqual(1, done.stderr.count("\n"), f"one line, not: {done.stderr!r}")
        self.assertTrue(done.stderr.startswith("weir: "), done.stderr)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, done.stderr, words)

    def test_help_begins_with_four_examples(self):
        for words in (["--help"], ["serve", "--help"], ["-h"]):
            done = run(*words)
            self.assertEqual(0, done.returncode)
            lines = done.stdout.split("\n")
            self.assertEqual("Examples:", lines[0])
            for line in lines[1:5]:
                self.assertTrue(line.startswith("  weir serve"), line)
            self.assertEqual("", lines[5])

    def test_the_version_is_that_of_the_project(self):
        version = re.search(r"VERSION (\d+\.\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text())[1]
        self.assertEqual(f"weir {version}\n", run("--version").stdout)

    def test_without_a_command_help_is_shown_and_the_code_is_2(self):
        done = run()
        self.assertEqual(2, done.returncode)
        self.assertEqual("", done.stdout)
        self.assertIn("weir serve", done.stderr)

    def test_every_limit_is_in_help_with_its_default(self):
        self.assertGreaterEqual(len(LIMITS), 30)
        text = run("serve", "--help").stdout
        for flag, kind, _ in LIMITS:
            self.assertRegex(text, re.escape(flag) + r" (DURATION|SIZE|RATE|N) \[\w+(/s)?\]", kind)

    def test_every_limit_is_a_flag_that_takes_a_value(self):
        flags = []
        for flag, kind, _ in LIMITS:
            flags += [flag, GOOD[kind]]
        server = self.serve(*flags)
        self.assertEqual(200, served.Answer(server.url + "/plaintext").status)
        self.assertEqual(0, server.stop()[1], "forced")

    def test_every_limit_that_may_be_can_be_switched_off_in_words(self):
        # A drain that is delayed without end would not end: that one is left out.
        server = self.serve(*[word for flag, _, unbounded in LIMITS
                              if unbounded and flag != "--drain-delay"
                              for word in (flag, "unbounded")],
                            limit=None if served.WINDOWS else "-n 4096")
        self.assertEqual(200, served.Answer(server.url + "/plaintext").status)
        server.stop()

    def test_every_wrong_value_is_refused_by_the_name_of_its_flag(self):
        for flag, kind, unbounded in LIMITS:
            # An emulator takes its time to start, and text is read alike everywhere.
            for value in BAD[kind][:2 if served.EMULATOR else None]:
                if value == "0s" and flag == "--drain-delay":
                    continue  # no delay is what it means
                with self.subTest(flag=flag, value=value):
                    self.refused(f"{flag}={value}", says=flag)
            if not unbounded:
                self.refused(flag, "unbounded", says=[flag, "cannot be switched off"])

    def test_limits_that_contradict_each_other_are_refused(self):
        self.refused("--head-bytes-max", "4KiB", "--target-bytes-max", "8KiB",
                     says=["--target-bytes-max 8KiB", "--head-bytes-max"])
        self.refused("--head-bytes-max", "1GiB", says="--head-bytes-max 1GiB")

    def test_a_head_of_a_mebibyte_is_served_when_that_is_the_limit(self):
        server = self.serve("--head-bytes-max", "1MiB")
        fields = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 9000) for i in range(90))
        got = server.raw(b"GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + fields +
                         b"\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 200 "), got[:80])

    def test_flags_that_nobody_knows_are_refused(self):
        self.refused("--head-deadlin", "4s", says="--head-deadlin")
        self.refused("extra", says="extra")
        self.refused("--head-deadline", says="--head-deadline")
        self.refused("--head-deadline", "1s", "--head-deadline", "2s", says="--head-deadline")
        self.refused("--log", "xml", says="--log xml: plain, json or off")
        for threads in ("0", "257", "-1", "two", ""):
            self.refused("--threads=" + threads, says="--threads")
        done = run("sreve")
        self.assertEqual(2, done.returncode)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)

    def test_addresses_that_are_none_are_refused(self):
        for bad in ("localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:080",
                    "[::1]", "::1:80", "1.2.3:80", "unix:", " 127.0.0.1:80", ":80", "*:80", ""):
            with self.subTest(bad=bad):
                self.refused("--listen=" + bad, says="listen")

    def test_an_address_of_another_machine_is_refused(self):
        self.refused("--listen", "192.0.2.1:0", says=["192.0.2.1:0", "no such address"])

    def test_a_taken_port_is_one_clear_line(self):
        server = self.serve()
        for threads in ("1", "2"):
            self.refused("--listen", f"127.0.0.1:{server.port}", "--threads", threads,
                         says=[f"127.0.0.1:{server.port}", "taken", "port 0"])
        # The one that has it was not disturbed, even where ports can be shared.
        shared = self.serve(*["--threads", "2"])
        self.refused("--listen", f"127.0.0.1:{shared.port}", "--threads", "2", says="taken")
        self.assertEqual(200, served.Answer(shared.url + "/plaintext").status)

    def test_a_folder_that_cannot_be_read_is_one_clear_line(self):
        folder = self.folder()
        (folder / "file").write_text("")
        self.refused("--files", str(folder / "not-there"), says=[str(folder), "--files"])
        self.refused("--files", str(folder / "file"), says=[str(folder), "--files"])
        self.refused("--files", "", says="--files")

    @served.NO_POSIX
    def test_connections_that_cannot_fit_are_refused_with_how_many_do(self):
        words = ["/bin/sh", "-c", 'ulimit -n 256; exec "$@"', "sh", served.PROGRAM, "serve",
                 "--listen", "127.0.0.1:0", "--connections-max"]
        done = subprocess.run([*words, "1000"], stderr=subprocess.PIPE, text=True, timeout=60,
                              check=False)
        self.assertEqual(2, done.returncode)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertIn("--connections-max 1000 cannot fit", done.stderr)
        self.assertIn("ulimit -Hn", done.stderr)
        fits = int(re.search(r"room for (\d+) connections", done.stderr)[1])
        self.assertTrue(128 < fits < 256, fits)
        # What it says does fit, one more does not.
        more = subprocess.run([*words, str(fits + 1)], stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False)
        self.assertEqual(2, more.returncode)
        server = self.serve("--connections-max", fits, limit="-n 256")
        peers = [server.connect() for _ in range(fits)]
        for peer in peers:
            peer.sendall(b"GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n")
        for peer in peers:
            self.assertTrue(peer.recv(64).startswith(b"HTTP/1.1 200 "))
            peer.close()
        server.stop()

    @served.NO_POSIX
    def test_the_default_is_lowered_to_what_fits_and_says_so(self):
        server = self.serve(limit="-n 256")
        served.until(lambda: "instead of 10000" in server.err.text(), "the note")
        self.assertEqual(200, served.Answer(server.url + "/plaintext").status)

    @served.NO_POSIX
    def test_the_soft_limit_of_open_files_is_raised(self):
        server = self.serve("--connections-max", "400", limit="-Sn 64")
        limits = Path(f"/proc/{server.pid}/limits").read_text()
        soft = re.search(r"Max open files\s+(\d+)", limits)[1]
        self.assertGreater(int(soft), 400)


if __name__ == "__main__":
    unittest.main(verbosity=2)
