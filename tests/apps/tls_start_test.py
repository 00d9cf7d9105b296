#!/usr/bin/env python3
"""weir serve --tls-cert: what cannot be used is one line before anything listens."""
import shutil
import unittest

import served
from served import OWN_TLS, curl, until
from tls_clients import ANSWER, TlsTest


class Start(TlsTest):
    """What cannot be used is one line before anything listens."""

    def test_a_certificate_that_no_client_would_take_is_refused(self):
        folder = self.certificates()
        good = self.signed(folder, "good")
        server = self.serve(*good, folder=folder)
        self.assertEqual(ANSWER.encode(), curl("--cacert", folder / "ca.pem",
                                               f"https://localhost:{server.port}/plaintext").stdout)
        for name, options, says in (
                ("expired", {"end": "20200201000000Z"}, "expired on Sat, 01 Feb 2020"),
                ("early", {"begin": "20980101000000Z"}, "not valid before Wed, 01 Jan 2098"),
                ("common-name-only", {"names": ""}, "for no host name or address"),
                ("mail", {"names": "subjectAltName=email:a@b.test"}, "for no host name or address"),
                ("clients", {"usage": "clientAuth"}, "not for servers"),
                ("weak", {"key": ("-newkey", "rsa:1024")}, "RSA keys have at least 2048 bits"),
                ("small", {"key": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp224r1")},
                 "")):
            with self.subTest(name=name):
                self.refused(folder, *self.signed(folder, name, **options),
                             says=[f"--tls-cert {name}.pem", says])

    def test_files_that_do_not_belong_together_or_are_no_files(self):
        folder = self.certificates()
        other = self.certificates()
        shutil.copy(other / "server.key", folder / "other.key")
        (folder / "junk").write_text("junk")
        (folder / "empty").write_text("")
        (folder / "large").write_bytes(b"-" * 2_000_000)
        (folder / "long").write_bytes((folder / "server.pem").read_bytes() +
                                      (folder / "ca.pem").read_bytes() * 150)
        self.refused(folder, "--tls-cert", "server.pem", "--tls-key", "other.key",
                     says=["--tls-cert server.pem --tls-key other.key", "not a pair"])
        self.refused(folder, "--tls-cert", "none.pem", "--tls-key", "server.key",
                     says=["--tls-cert none.pem: there is no such file", "weir cert"])
        self.refused(folder, "--tls-cert", "server.pem", "--tls-key", "none.key",
                     says="--tls-key none.key: there is no such file")
        self.refused(folder, "--tls-cert", ".", "--tls-key", "server.key",
                     says="--tls-cert .: it is no regular file")
        for bad in ("junk", "empty"):
            self.refused(folder, "--tls-cert", bad, "--tls-key", "server.key",
                         says=["--tls-cert " + bad, "cannot read the certificate chain"])
            self.refused(folder, "--tls-cert", "server.pem", "--tls-key", bad,
                         says=["--tls-key " + bad, "cannot read the private key"])
            self.refused(folder, *OWN_TLS, "--tls-client-ca", bad,
                         says=["--tls-client-ca " + bad, "cannot read the trust anchors"])
        self.refused(folder, "--tls-cert", "long", "--tls-key", "server.key",
                     says="the certificate chain is longer than one record")
        self.refused(folder, "--tls-cert", "large", "--tls-key", "server.key", says="1 MiB")
        self.refused(folder, *OWN_TLS, "--tls-cert", "junk", "--tls-key", "server.key", says="junk")

    def test_words_that_do_not_go_together(self):
        folder = self.certificates()
        self.refused(folder, "--tls-cert", "server.pem",
                     says=["--tls-cert is there 1", "--tls-key"])
        self.refused(folder, "--tls-key", "server.key", says=["--tls-cert is there 0", "--tls-key"])
        for words in (["--tls-client-ca", "ca.pem"], ["--tls-min", "1.3"], ["--tls-tickets", "on"],
                      ["--redirect-http", "127.0.0.1:0"], ["--redirect-to", "a.test"],
                      ["--tls-watch", "1s"],
                      ["--tls-client-auth", "optional"]):
            self.refused(folder, *words, says=[words[0], "--tls-cert and --tls-key"])
        for words in (["--tls-min", "1.1"], ["--tls-min", "ssl3"], ["--tls-tickets", "yes"],
                      ["--tls-client-auth", "optional"], ["--redirect-http", ""],
                      ["--redirect-to", "a.test"], ["--tls-client-ca", ""],
                      ["--tls-watch", "1"], ["--tls-watch", "99ms"], ["--tls-watch", ""],
                      ["--tls-client-ca", "ca.pem", "--tls-client-auth", "maybe"]):
            self.refused(folder, *OWN_TLS, *words, says=words[-2])
        self.refused(folder, *OWN_TLS, "--redirect-http", "localhost", says="listen on localhost")
        for to in ("", "a.test:", "a test", "a.test/", "http://a.test", "a@b.test", "a.test:port"):
            self.refused(folder, *OWN_TLS, "--redirect-http", "127.0.0.1:0", "--redirect-to=" + to,
                         says="--redirect-to")

    def test_it_says_what_it_serves_and_where(self):
        folder = self.certificates("--name", "a.test")
        server = self.serve(*OWN_TLS, "--redirect-http", "127.0.0.1:0", folder=folder, more=1)
        until(lambda: "redirecting" in server.err.text(), "what it says last")
        told = server.err.text()
        self.assertRegex(told, r"weir: certificate server\.pem for .*a\.test.* until .* GMT, "
                               r"serial [0-9a-f]{32}\n")
        self.assertIn(f"weir: listening on https://127.0.0.1:{server.port}\n", told)
        self.assertIn(f"weir: redirecting to https://127.0.0.1:{server.port} on "
                      f"http://127.0.0.1:{server.bound[1]}\n", told)

if __name__ == "__main__":
    served.need("curl", "openssl")
    unittest.main(verbosity=2)
