#!/usr/bin/env python3
"""weir serve --tls-cert: certificates are exchanged while it runs."""
import ssl
import subprocess
import threading
import unittest

import served
from served import OWN_TLS, until
from tls_clients import ANSWER, PEM, Peer, TlsTest, s_client


# Where nobody can send a signal the files are watched.
EXCHANGED = ("--tls-watch", "100ms") if served.WINDOWS else ()


class Reload(TlsTest):
    """Certificates are exchanged while the server runs."""

    def exchange(self, server, folder):
        """A new certificate, in use when this returns; its serial."""
        self.assertEqual(0, served.cert(folder, "--force").returncode)
        if not EXCHANGED:
            server.process.send_signal(served.signal.SIGHUP)
        return self.shown(server, folder)

    def shown(self, server, folder):
        """Waits until new connections are shown the certificate there is. Where files are watched
        it may be read more than once: they are not written in one moment."""
        serial = self.serial(folder)

        def is_shown():
            peer = Peer(server, folder)
            peer.ask()
            found = peer.serial
            peer.close()
            return found == serial
        until(is_shown, "the reload")
        until(lambda: "weir: reloaded" in server.err.text(), "what it says of it")
        return serial

    def serial(self, folder):
        text = subprocess.run(["openssl", "x509", "-in", folder / "server.pem", "-noout",
                               "-serial"], stdout=subprocess.PIPE, text=True, check=True).stdout
        return text.strip().removeprefix("serial=").lower()

    def test_a_swap_under_load_fails_no_request_and_new_connections_see_the_new_one(self):
        folder = self.certificates()
        server = self.serve(*OWN_TLS, *EXCHANGED, "--threads", "2", "--idle-deadline", "1h",
                            folder=folder)
        kept = [Peer(server, folder) for _ in range(4)]
        first = self.serial(folder)
        for peer in kept:
            peer.ask()
        failures, seen, asked = [], set(), [0, 0, 0]
        done = threading.Event()

        def load(number):
            versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
            while not done.is_set():
                try:
                    version = versions[asked[number] % 2]
                    peer = Peer(server, folder, version=version)
                    peer.ask()
                    seen.add(peer.serial)
                    peer.ask(last=True)
                    peer.close()
                    asked[number] += 1
                except (OSError, AssertionError) as why:
                    failures.append(repr(why))
                    return

        threads = [threading.Thread(target=load, args=(i,)) for i in range(len(asked))]
        for each in threads:
            each.start()
        serials = [first]
        for _ in range(6):
            before = sum(asked)
            until(lambda before=before: sum(asked) > before + 6 or failures, "some load")
            serials.append(self.exchange(server, folder))
        done.set()
        for each in threads:
            each.join()
        self.assertEqual([], failures)
        self.assertLessEqual(seen, set(serials))
        self.assertGreater(len(seen), 3)
        # Who was there before all of it goes on under what was agreed on then.
        for peer in kept:
            peer.ask()
            self.assertEqual(first, peer.serial)
            peer.close()
        server.stop()

    @served.NO_POSIX
    def test_what_cannot_be_used_is_said_and_changes_nothing(self):
        folder = self.certificates()
        server = self.serve(*OWN_TLS, folder=folder)
        serial = self.serial(folder)
        good = {end: (folder / f"server.{end}").read_bytes() for end in PEM}
        self.assertEqual(0, served.cert(folder, "--force").returncode)
        (folder / "server.key").write_bytes(good["key"])  # of the certificate before
        told = "not reloaded, and what was in use stays in use: "
        for damage, why in ((lambda: None, "not a pair"),
                            (lambda: (folder / "server.pem").write_text("junk"),
                             "cannot read the certificate chain"),
                            (lambda: (folder / "server.pem").unlink(), "there is no such file")):
            damage()
            self.reload(server, said=told)
            self.assertIn(why, server.err.text().splitlines()[-1])
            peer = Peer(server, folder)
            peer.ask()
            self.assertEqual(serial, peer.serial)
            peer.close()
        self.assertNotIn("PRIVATE KEY", server.err.text())
        for end in PEM:
            (folder / f"server.{end}").write_bytes(good[end])
        self.reload(server)
        server.stop()

    def test_files_that_are_watched_need_no_signal(self):
        folder = self.certificates()
        server = self.serve(*OWN_TLS, "--tls-watch", "500ms", folder=folder)
        told = server.err.text
        for _ in range(3):
            self.assertEqual(0, served.cert(folder, "--force").returncode)
            self.shown(server, folder)
        # Said once, however often it is looked at; and taken back.
        gone = "not reloaded, and what was in use stays in use: --tls-key server.key: there is no"
        key = (folder / "server.key").read_bytes()
        (folder / "server.key").unlink()
        until(lambda: gone in told(), "the refusal")
        before = told().count("weir: reloaded")
        (folder / "server.key").write_bytes(key)
        until(lambda: told().count("weir: reloaded") > before, "the reload")
        self.assertEqual(1, told().count(gone))
        server.stop()

    def test_a_session_of_before_is_a_full_handshake_after_and_a_served_one(self):
        folder = self.certificates()
        server = self.serve(*OWN_TLS, *EXCHANGED, folder=folder)
        for version in ("-tls1_2", "-tls1_3"):
            s_client(server, version, "-sess_out", "session", folder=folder)
            self.assertIn("Reused", s_client(server, version, "-sess_in", "session", folder=folder))
            self.exchange(server, folder)
            said = s_client(server, version, "-sess_in", "session", folder=folder)
            self.assertIn("New, TLS", said)
            self.assertIn(ANSWER, said)

    @served.NO_POSIX
    def test_without_tls_a_hang_up_ends_it_as_before(self):
        server = self.serve()
        server.process.send_signal(served.signal.SIGHUP)
        self.assertEqual(-served.signal.SIGHUP, server.process.wait(timeout=20))

if __name__ == "__main__":
    served.need("curl", "openssl")
    unittest.main(verbosity=2)
