#!/usr/bin/env python3
"""weir serve --tls-cert: what clients of others see, and what happens to those who do it wrong."""
import re
import shutil
import socket
import ssl
import unittest

import served
from served import OWN_TLS, curl
from tls_clients import ANSWER, PEM, Peer, TlsTest, s_client


class Tls(TlsTest):
    # -- versions, names, protocols --

    def test_curl_over_both_versions(self):
        server, folder = self.secure()
        for version in ("1.2", "1.3"):
            done = self.asked(server, folder, "-w", "\n%{http_version} %{ssl_verify_result}",
                              f"--tlsv{version}", "--tls-max", version)
            self.assertEqual(f"{ANSWER}\n1.1 0".encode(), done.stdout)
        self.assertEqual(0, server.stop()[1], "forced")

    def test_both_kinds_of_keys(self):
        for kind in ([], ["--rsa"]):
            server, folder = self.secure(words=kind)
            for version in ("-tls1_2", "-tls1_3"):
                said = s_client(server, version, folder=folder)
                self.assertIn(ANSWER, said)
                self.assertIn("Verification: OK", said)

    def test_what_is_too_old_is_refused(self):
        server, folder = self.secure()
        for old in ("-tls1", "-tls1_1"):
            said = s_client(server, old, "-cipher", "ALL:@SECLEVEL=0", folder=folder)
            self.assertIn("alert protocol version", said)
            self.assertNotIn(ANSWER, said)
        newest, folder = self.secure("--tls-min", "1.3")
        self.assertIn("alert protocol version", s_client(newest, "-tls1_2", folder=folder))
        self.assertIn(ANSWER, s_client(newest, "-tls1_3", folder=folder))

    def test_ciphers_without_forward_secrecy_or_authentication_are_refused(self):
        server, folder = self.secure(words=["--rsa"])
        for weak in ("AES128-GCM-SHA256", "AES128-SHA", "ECDHE-RSA-AES128-SHA",
                     "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA384"):
            said = s_client(server, "-tls1_2", "-cipher", weak + ":@SECLEVEL=0", folder=folder)
            self.assertIn("alert handshake failure", said, weak)
        self.assertIn(ANSWER, s_client(server, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256",
                                       folder=folder))

    def test_protocols_are_agreed_on_or_refused(self):
        server, folder = self.secure()
        for version in ("-tls1_2", "-tls1_3"):
            said = s_client(server, version, "-alpn", "h2,http/1.1", folder=folder)
            self.assertIn("ALPN protocol: http/1.1", said)
            self.assertIn(ANSWER, said)
            self.assertIn(ANSWER, s_client(server, version, folder=folder))
            said = s_client(server, version, "-alpn", "h2", folder=folder)
            self.assertIn("alert no application protocol", said)
            self.assertNotIn(ANSWER, said)

    def test_each_name_gets_its_certificate_and_an_unknown_one_the_first(self):
        folder = self.certificates()
        for name in ("a.test", "*.b.test"):
            self.assertEqual(0, served.cert(folder, "--force", "--name", name).returncode)
            for end in PEM:
                shutil.copy(folder / f"server.{end}", folder / f"{name.strip('*.')}.{end}")
        self.assertEqual(0, served.cert(folder, "--force").returncode)
        server = self.serve(*OWN_TLS, "--tls-cert", "a.test.pem", "--tls-key", "a.test.key",
                            "--tls-cert", "b.test.pem", "--tls-key", "b.test.key", folder=folder)
        for asked, shown in (("a.test", "a.test"), ("A.TEST", "a.test"), ("x.b.test", "*.b.test"),
                             ("x.y.b.test", "localhost"), ("elsewhere.test", "localhost"),
                             ("localhost", "localhost"), (None, "localhost")):
            for version in ("-tls1_2", "-tls1_3"):
                name = ["-servername", asked] if asked else ["-noservername"]
                said = s_client(server, version, *name, folder=folder)
                self.assertRegex(said, r"(?m)^subject=CN = " + re.escape(shown) + "$", asked)
                self.assertIn(ANSWER, said)
        # It is the client who minds.
        refused = curl("--cacert", folder / "ca.pem", "--resolve",
                       f"elsewhere.test:{server.port}:127.0.0.1",
                       f"https://elsewhere.test:{server.port}/", check=False)
        self.assertEqual(60, refused.returncode)
        self.assertIn(b"no alternative certificate subject name", refused.stderr)

    def test_a_client_that_does_not_know_the_authority_goes_away_and_harms_nobody(self):
        server, folder = self.secure()
        other = self.certificates()
        for version in ("1.2", "1.3"):
            refused = self.asked(server, other, f"--tlsv{version}", "--tls-max", version,
                                 check=False)
            self.assertEqual(60, refused.returncode)
        self.assertEqual(ANSWER.encode(), self.asked(server, folder).stdout)

    # -- resumption --

    def resumed(self, server, folder, version, at="session"):
        self.assertIn("New, TLS", s_client(server, version, "-sess_out", at, folder=folder))
        again = s_client(server, version, "-sess_in", at, folder=folder)
        self.assertIn(ANSWER, again)
        return "Reused, TLS" in again

    def test_sessions_are_resumed_by_ticket_on_both_versions_and_every_loop(self):
        for threads in ("1", "2"):
            server, folder = self.secure("--threads", threads)
            for version in ("-tls1_2", "-tls1_3"):
                for _ in range(1 if threads == "1" else 6):  # with luck on another loop each
                    self.assertTrue(self.resumed(server, folder, version), (threads, version))

    def test_without_tickets_nothing_is_resumed(self):
        server, folder = self.secure("--tls-tickets", "off")
        for version in ("-tls1_2", "-tls1_3"):
            self.assertFalse(self.resumed(server, folder, version))

    def test_a_ticket_of_another_server_is_a_full_handshake(self):
        server, folder = self.secure()
        for version in ("-tls1_2", "-tls1_3"):
            s_client(server, version, "-sess_out", "session", folder=folder)
            other = self.serve(*OWN_TLS, folder=folder)
            said = s_client(other, version, "-sess_in", "session", folder=folder)
            self.assertIn("New, TLS", said)
            self.assertIn(ANSWER, said)

    # -- client certificates --

    def add_clients(self, folder):
        """Beside the server's: client.*, and stranger.* of an authority that nobody here trusts."""
        other = self.certificates()
        for each in (folder, other):
            self.assertEqual(0, served.cert(each, "--client").returncode)
        for end in PEM:
            shutil.copy(other / f"client.{end}", folder / f"stranger.{end}")

    def test_a_client_certificate_is_required_when_that_was_asked_for(self):
        server, folder = self.secure("--tls-client-ca", "ca.pem")
        self.add_clients(folder)
        # How they are told is mbedTLS's: in TLS 1.2 by a close without an alert, in TLS 1.3 by an
        # alert that they cannot read (its issue 10877: the key is that of the handshake).
        for version in ("-tls1_2", "-tls1_3"):
            said = s_client(server, version, folder=folder)
            self.assertNotIn(ANSWER, said)
            self.assertRegex(said, "unexpected eof|bad record mac|alert ")
            said = s_client(server, version, "-cert", "client.pem", "-key", "client.key",
                            folder=folder)
            self.assertIn(ANSWER, said)
            said = s_client(server, version, "-cert", "stranger.pem", "-key", "stranger.key",
                            folder=folder)
            self.assertNotIn(ANSWER, said)
            # A certificate, but of a server.
            said = s_client(server, version, "-cert", "server.pem", "-key", "server.key",
                            folder=folder)
            self.assertNotIn(ANSWER, said)
        done = self.asked(server, folder, "--cert", folder / "client.pem", "--key",
                          folder / "client.key")
        self.assertEqual(ANSWER.encode(), done.stdout)

    def test_an_optional_client_certificate_has_to_be_good_when_there_is_one(self):
        server, folder = self.secure("--tls-client-ca", "ca.pem", "--tls-client-auth", "optional")
        self.add_clients(folder)
        for version in ("-tls1_2", "-tls1_3"):
            self.assertIn(ANSWER, s_client(server, version, folder=folder))
            for who, good in (("client", True), ("stranger", False)):
                said = s_client(server, version, "-cert", who + ".pem", "-key", who + ".key",
                                folder=folder)
                self.assertEqual(good, ANSWER in said, said)

    # -- what does not belong there --

    def test_plain_http_gets_one_plain_400_and_nothing_more(self):
        server, folder = self.secure()
        one = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for asked in (one, one * 9, b"POST / HTTP/1.1\r\n"):
            got = server.raw(asked)
            self.assertTrue(got.startswith(b"HTTP/1.1 400 "), got[:80])
            self.assertEqual(1, got.count(b"HTTP/1.1 "), got)
            self.assertIn(b"\r\nConnection: close\r\n", got)
            self.assertNotIn(ANSWER.encode(), got)
        self.assertEqual(ANSWER.encode(), self.asked(server, folder).stdout)

    def test_bytes_that_are_no_record_are_refused_and_harm_nobody(self):
        server, folder = self.secure()
        for junk in (b"\x00" * 300, b"\xff" * 20_000, bytes(range(256)), b"\x16\x03\x01\xff\xff",
                     b"\x80\x2e\x01\x00\x02"):
            with server.connect() as peer:
                peer.sendall(junk)
                peer.shutdown(socket.SHUT_WR)
                got = b""
                try:
                    while piece := peer.recv(4096):
                        got += piece
                except ConnectionResetError:
                    pass
                self.assertNotIn(b"HTTP/", got)
        self.assertEqual(ANSWER.encode(), self.asked(server, folder).stdout)

    def test_peers_that_never_shake_hands_keep_nobody_waiting_and_are_closed(self):
        server, folder = self.secure("--handshake-deadline", "1s")
        silent = [server.connect() for _ in range(50)]
        self.assertEqual(ANSWER.encode(), self.asked(server, folder).stdout)
        for peer in silent:
            with peer:
                self.assertEqual(b"", peer.recv(100))
        self.assertEqual(ANSWER.encode(), self.asked(server, folder).stdout)

    def test_a_drain_does_not_wait_for_those_who_shake_hands(self):
        server, folder = self.secure("--drain-timeout", "60s")
        silent = [server.connect() for _ in range(10)]
        self.assertEqual(ANSWER.encode(), self.asked(server, folder).stdout)
        server.stop()  # within its patience of 20 s
        for peer in silent:
            peer.close()

    # -- bytes --

    def test_a_megabyte_goes_there_and_comes_back(self):
        server, folder = self.secure()
        body = bytes(i * 7 % 251 for i in range(1024 * 1024))
        (folder / "body").write_bytes(body)
        for version in ("1.2", "1.3"):
            done = self.asked(server, folder, f"--tlsv{version}", "--tls-max", version,
                              "--data-binary", f"@{folder}/body", path="/submit")
            self.assertTrue(body == done.stdout, len(done.stdout))

    def test_a_file_is_sent_whole(self):
        public = self.folder()
        body = bytes(i * 11 % 253 for i in range(3_000_000))
        (public / "big.bin").write_bytes(body)
        server, folder = self.secure("--files", public)
        for version in ("1.2", "1.3"):
            done = self.asked(server, folder, f"--tlsv{version}", "--tls-max", version,
                              path="/files/big.bin")
            self.assertTrue(body == done.stdout, len(done.stdout))

    def test_an_answer_that_ends_the_connection_ends_it_in_order(self):
        server, folder = self.secure()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            peer = Peer(server, folder, version=version)
            peer.ask()
            peer.ask(last=True)
            self.assertEqual(b"", peer.tls.recv(10))  # close_notify, or this raises
            peer.close()

    # -- redirect --

    def redirecting(self, *flags):
        folder = self.certificates()
        server = self.serve(*OWN_TLS, "--redirect-http", "127.0.0.1:0", *flags, folder=folder,
                            more=1)
        return server, folder, int(server.bound[1])

    def test_plain_http_is_sent_to_https_with_path_and_query(self):
        server, folder, port = self.redirecting()
        for target in ("/", "/a/b%20c?d=e&f=%2F", "/plaintext", "//evil.test/",
                       "/a?b?c=https://d/"):
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                answer = served.Answer("--path-as-is", "-X", method,
                                       *(["-I"] if method == "HEAD" else []),
                                       f"http://127.0.0.1:{port}{target}")
                self.assertEqual(308, answer.status)
                self.assertEqual(server.secure_url + target, answer.fields["location"])
                self.assertEqual("no-store", answer.fields["cache-control"])
        followed = curl("-L", "--cacert", folder / "ca.pem", "--data", "kept",
                        f"http://127.0.0.1:{port}/submit")
        self.assertEqual(b"kept", followed.stdout)
        self.assertEqual(0, server.stop()[1], "forced")

    def test_the_host_that_a_client_names_is_not_where_it_is_sent(self):
        server, _, port = self.redirecting("--redirect-to", "www.test:443")
        for host in ("evil.test", "www.test", "127.0.0.1"):
            answer = served.Answer("-H", f"Host: {host}", f"http://127.0.0.1:{port}/x?y")
            self.assertEqual("https://www.test/x?y", answer.fields["location"])
        for target, to in (("http://evil.test/x?y", "/x?y"), ("http://evil.test", "/"),
                           ("http://evil.test?y", "/?y")):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
                peer.sendall(f"GET {target} HTTP/1.1\r\nHost: evil.test\r\n"
                             "Connection: close\r\n\r\n".encode())
                got = b""
                while piece := peer.recv(4096):
                    got += piece
            self.assertIn(f"\r\nLocation: https://www.test{to}\r\n".encode(), got)

    def test_where_to_has_to_be_said_when_the_address_is_nowhere(self):
        folder = self.certificates()
        with self.assertRaisesRegex(AssertionError, "ended with 2.*0.0.0.0.*--redirect-to"):
            self.serve(*OWN_TLS, "--redirect-http", "127.0.0.1:0", listen=("0.0.0.0:0",),
                       folder=folder)
        server = self.serve(*OWN_TLS, "--redirect-http", "127.0.0.1:0", "--redirect-to", "a.test",
                            listen=("0.0.0.0:0",), folder=folder, more=1)
        answer = served.Answer(f"http://127.0.0.1:{server.bound[1]}/")
        self.assertEqual("https://a.test/", answer.fields["location"])

if __name__ == "__main__":
    served.need("curl", "openssl")
    unittest.main(verbosity=2)
