#!/usr/bin/env python3
"""Tickets of weir serve: who resumes whose sessions, and who does not."""
import os
import secrets
import shutil
import unittest

import served
from served import OWN_TLS
from tls_clients import ANSWER, BOTH, TlsTest, s_client

SHARED = ("--tls-ticket-keys", "tickets.key")


class Tickets(TlsTest):
    def write_keys(self, folder, *keys, name="tickets.key", mode=0o600):
        path = folder / name
        path.write_text("".join(key + "\n" for key in keys))
        path.chmod(mode)

    def start(self, folder, *flags):
        return self.serve(*OWN_TLS, *flags, folder=folder)

    def talk(self, server, folder, version, *words):
        said = s_client(server, version, *words, folder=folder)
        self.assertIn(ANSWER, said)
        return said

    def begin(self, server, folder, version, *words, at="session"):
        self.assertIn("New, TLS", self.talk(server, folder, version, "-sess_out", at, *words))

    def resumes(self, server, folder, version, *words, at="session"):
        """Whether it goes on with the session; it is served in either case."""
        said = self.talk(server, folder, version, "-sess_in", at, *words)
        reused = "Reused, TLS" in said
        self.assertNotEqual(reused, "New, TLS" in said)
        return reused

    def test_servers_with_the_same_keys_resume_each_others_sessions(self):
        folder = self.certificates()
        self.write_keys(folder, secrets.token_hex(32))
        one, two = self.start(folder, *SHARED), self.start(folder, *SHARED, "--threads", "2")
        for version in BOTH:
            for first, second in ((one, two), (two, one)):
                self.begin(first, folder, version)
                self.assertTrue(self.resumes(second, folder, version), version)
                self.assertTrue(self.resumes(first, folder, version), version)

    def test_a_restart_keeps_the_sessions_of_shared_keys(self):
        folder = self.certificates()
        self.write_keys(folder, secrets.token_hex(32))
        before = self.start(folder, *SHARED)
        for version in BOTH:
            self.begin(before, folder, version, at="session" + version)
        before.stop()
        after = self.start(folder, *SHARED)
        for version in BOTH:
            self.assertTrue(self.resumes(after, folder, version, at="session" + version), version)

    def test_a_ticket_of_another_configuration_is_a_full_handshake(self):
        folder, other = self.certificates(), self.certificates()
        shutil.copy(other / "ca.pem", folder / "other-ca.pem")
        for end in ("pem", "key"):
            shutil.copy(folder / f"server.{end}", folder / f"first.{end}")
        self.assertEqual(0, served.cert(folder, "--force", "--name", "a.test").returncode)
        second = ("--tls-cert", "first.pem", "--tls-key", "first.key")
        self.write_keys(folder, secrets.token_hex(32))
        asks = ("--tls-client-auth", "optional", "--tls-client-ca")
        plain = self.start(folder, *SHARED)
        asking = self.start(folder, *SHARED, *asks, "ca.pem")
        unlike = {
            "other client authority": (asking, self.start(folder, *SHARED, *asks, "other-ca.pem")),
            "clients are asked": (plain, asking),
            "clients are not asked": (asking, plain),
            "another name has a certificate": (plain, self.start(folder, *SHARED, *second)),
            "another certificate": (plain, self.serve(*second, *SHARED, folder=folder)),
            "other keys": (plain, self.start(folder)),
        }
        for what, (first, then) in unlike.items():
            for version in BOTH:
                with self.subTest(what=what, version=version):
                    self.begin(first, folder, version)
                    self.assertFalse(self.resumes(then, folder, version))
        newest = self.start(folder, *SHARED, "--tls-min", "1.3")
        self.begin(plain, folder, "-tls1_3")
        self.assertFalse(self.resumes(newest, folder, "-tls1_3"))

    def test_a_ticket_is_good_for_the_name_alone_under_which_it_was_given(self):
        folder = self.certificates("--name", "a.test")
        server = self.start(folder)
        for version in BOTH:
            self.begin(server, folder, version, "-servername", "localhost")
            for name, good in (("a.test", False), ("localhost", True), ("LOCALHOST", True)):
                self.assertEqual(good, self.resumes(server, folder, version, "-servername", name),
                                 (version, name))
            self.assertFalse(self.resumes(server, folder, version, "-noservername"))

    @served.NO_POSIX
    def test_keys_are_changed_without_losing_a_session_and_forgotten_in_the_end(self):
        folder = self.certificates()
        old, new, newer = (secrets.token_hex(32) for _ in range(3))
        self.write_keys(folder, old)
        server = self.start(folder, *SHARED)
        for version in BOTH:
            self.begin(server, folder, version, at="old" + version)
        self.write_keys(folder, new, old)
        self.reload(server)
        for version in BOTH:
            self.assertTrue(self.resumes(server, folder, version, at="old" + version))
            self.begin(server, folder, version, at="new" + version)
        self.write_keys(folder, newer, new)
        self.reload(server)
        for version in BOTH:
            self.assertFalse(self.resumes(server, folder, version, at="old" + version))
            self.assertTrue(self.resumes(server, folder, version, at="new" + version))

    @served.NO_POSIX
    def test_keys_that_cannot_be_used_change_nothing(self):
        folder = self.certificates()
        key = secrets.token_hex(32)
        self.write_keys(folder, key)
        server = self.start(folder, *SHARED)
        self.begin(server, folder, "-tls1_3")
        for damage in (lambda: self.write_keys(folder, key[:-1]),
                       lambda: self.write_keys(folder, key, mode=0o644),
                       lambda: os.unlink(folder / "tickets.key")):
            damage()
            self.reload(server, said="not reloaded, and what was in use stays in use: "
                                     "--tls-ticket-keys tickets.key: ")
            self.assertTrue(self.resumes(server, folder, "-tls1_3"))
        self.assertNotIn(key[:-1], server.err.text())

    def test_a_file_that_is_no_file_of_keys_is_refused_before_anything_listens(self):
        folder = self.certificates()
        key = secrets.token_hex(32)
        for name, lines, says in (
                ("none", [], "there is no key"),
                ("short", [key[1:]], "there is a line that is not 64 hexadecimal digits"),
                ("twice", [key, key], "one key is there twice"),
                ("four", [secrets.token_hex(32) for _ in range(4)], "more than three keys")):
            self.write_keys(folder, *lines, name=name)
            self.refused(folder, *OWN_TLS, "--tls-ticket-keys", name, secret=key,
                         says=[f"--tls-ticket-keys {name}: {says}"])
        self.refused(folder, *OWN_TLS, "--tls-ticket-keys", "missing",
                     says=["there is no such file"])
        self.refused(folder, *OWN_TLS, "--tls-ticket-keys", "",
                     says=["the name of a file is missing"])
        self.write_keys(folder, key)
        self.refused(folder, *OWN_TLS, *SHARED, "--tls-tickets", "off", says=["--tls-tickets on"])

    @served.NO_POSIX
    def test_a_file_that_others_may_read_is_refused(self):
        folder = self.certificates()
        for mode in (0o640, 0o604, 0o644, 0o666):
            self.write_keys(folder, secrets.token_hex(32), mode=mode)
            self.refused(folder, *OWN_TLS, *SHARED,
                         says=["--tls-ticket-keys tickets.key: others may", "chmod 600"])
        self.write_keys(folder, secrets.token_hex(32), mode=0o400)
        self.start(folder, *SHARED)


if __name__ == "__main__":
    served.need("openssl")
    unittest.main(verbosity=2)
