#!/usr/bin/env python3
"""--files: a folder, and nothing but that folder."""
import os
import time
import unittest
from email.utils import formatdate, parsedate_to_datetime

import served
from served import Answer


class Files(served.ServedTest):
    @classmethod
    def setUpClass(cls):
        cls.holder = served.tempfile.TemporaryDirectory()
        top = served.Path(cls.holder.name)
        cls.root = top / "public"
        (cls.root / "sub" / "deep").mkdir(parents=True)
        (cls.root / ".git").mkdir()
        (cls.root / ".well-known").mkdir()
        (top / "secret.txt").write_text("not yours")
        for name, body in {
                "index.html": "<h1>home</h1>", "style.CSS": "a{}", "a b.txt": "blank",
                "sub/deep/x.json": "{}", "noend": "?", "empty.txt": "", ".env": "key",
                ".git/config": "secret", ".well-known/security.txt": "contact", "100%.txt": "%",
                "gr\u00fcn.txt": "green"}.items():
            (cls.root / name).write_text(body)
        os.symlink(top / "secret.txt", cls.root / "out")
        os.symlink("../secret.txt", cls.root / "out-too")
        os.symlink("/etc", cls.root / "etc")
        os.symlink("index.html", cls.root / "inside")
        os.symlink("loop", cls.root / "loop")
        os.mkfifo(cls.root / "fifo")
        os.utime(cls.root / "index.html", (1_000_000_000, 1_000_000_000))
        os.utime(cls.root / "noend", (time.time() + 86_400,) * 2)
        cls.server = served.Served("--files", cls.root)
        cls.url = cls.server.url + "/files/"

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.holder.cleanup()

    def get(self, path, *words):
        return Answer("--path-as-is", *words, self.url + path)

    def test_files_are_sent_with_their_type_and_time(self):
        rows = {
            "index.html": ("text/html; charset=utf-8", b"<h1>home</h1>"),
            "style.CSS": ("text/css; charset=utf-8", b"a{}"),
            "a%20b.txt": ("text/plain; charset=utf-8", b"blank"),
            "100%25.txt": ("text/plain; charset=utf-8", b"%"),
            "gr%C3%BCn.txt": ("text/plain; charset=utf-8", b"green"),
            "sub/deep/x.json": ("application/json", b"{}"),
            "sub/../index.html": ("text/html; charset=utf-8", b"<h1>home</h1>"),
            "noend": ("application/octet-stream", b"?"),
            "empty.txt": ("text/plain; charset=utf-8", b""),
        }
        for path, (kind, body) in rows.items():
            answer = self.get(path)
            self.assertEqual((200, kind, body),
                             (answer.status, answer.fields.get("content-type"), answer.body), path)
            self.assertEqual(str(len(body)), answer.fields["content-length"], path)
            self.assertEqual("nosniff", answer.fields["x-content-type-options"])
        self.assertEqual(formatdate(1_000_000_000, usegmt=True),
                         self.get("index.html").fields["last-modified"])

    def test_a_time_in_the_future_is_not_passed_on(self):
        fields = self.get("noend").fields
        self.assertLessEqual(parsedate_to_datetime(fields["last-modified"]),
                             parsedate_to_datetime(fields["date"]))

    def test_head_says_what_get_would_and_sends_nothing(self):
        answer = self.get("index.html", "-I")
        self.assertEqual((200, b""), (answer.status, answer.body))
        self.assertEqual("13", answer.fields["content-length"])
        self.assertIn("last-modified", answer.fields)

    def test_a_link_that_stays_inside_is_followed(self):
        self.assertEqual(b"<h1>home</h1>", self.get("inside").body)

    def test_nothing_leads_out_of_the_folder(self):
        for path in ("../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "%2e%2e%2fsecret.txt",
                     "sub/../../secret.txt", "sub/%2e%2e/%2e%2e/secret.txt", "out", "out-too",
                     "etc/passwd", "/etc/passwd", "%2fetc%2fpasswd", "..\\secret.txt",
                     "....//secret.txt", "sub/..%5c..%5csecret.txt", "%252e%252e/secret.txt",
                     "../../../../../../../../etc/passwd", "%00/../secret.txt",
                     "index.html%00.txt", "..;/secret.txt", "%c0%ae%c0%ae/secret.txt"):
            answer = self.get(path)
            self.assertIn(answer.status, (400, 404), path)
            self.assertNotIn(b"not yours", answer.body, path)
            self.assertNotIn(b"root:", answer.body, path)

    def test_what_is_no_file_is_404_at_once(self):
        for path in ("", "sub", "sub/", "sub/deep", "fifo", "loop", "not-there", "index.html/",
                     "index.html/x", "sub//deep/x.json", "x" * 300, "a/" * 100):
            self.assertEqual(404, self.get(path).status, path)

    def test_hidden_files_are_not_served_except_well_known(self):
        for path in (".env", ".git/config", "%2egit/config", "sub/../.env", ".well-known/.x"):
            self.assertEqual(404, self.get(path).status, path)
        self.assertEqual(b"contact", self.get(".well-known/security.txt").body)

    def test_only_get_and_head(self):
        for verb in ("POST", "PUT", "DELETE"):
            answer = self.get("index.html", "-X", verb, "-d", "x")
            self.assertEqual(405, answer.status)
            self.assertEqual({"GET", "HEAD"}, set(answer.fields["allow"].split(", ")) - {"OPTIONS"})

    def test_descriptors_of_files_are_given_back(self):
        before = self.server.descriptors()
        for path in ("index.html", "sub", "fifo", "not-there", "out", "empty.txt"):
            self.get(path)
            self.get(path, "-I")
        served.until(lambda: self.server.descriptors() <= before, "descriptors to come back")

    def test_a_file_that_shrinks_while_it_is_sent_ends_the_connection_short(self):
        big = self.root / "shrinks.bin"
        with open(big, "wb") as out:
            out.truncate(64 * 1024 * 1024)
        with self.server.connect() as peer:
            peer.sendall(b"GET /files/shrinks.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            got = len(peer.recv(65536))
            os.truncate(big, 1024 * 1024)
            try:
                while piece := peer.recv(1 << 20):
                    got += len(piece)
            except ConnectionResetError:
                pass
        self.assertLess(got, 64 * 1024 * 1024)
        self.assertEqual(200, self.get("index.html").status)


if __name__ == "__main__":
    unittest.main(verbosity=2)
