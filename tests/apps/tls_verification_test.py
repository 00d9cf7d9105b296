#!/usr/bin/env python3
"""The verification matrix: who believes whom, and what each says who does not.

A server whose certificate no client would take does not start, so its half of the matrix is told
by weir serve and confirmed by openssl verify. Our own client's half is tests/tls/verification_test.
"""
import re
import shutil
import unittest

import served
from served import OWN_TLS, curl
from tls_clients import ANSWER, ASK, BOTH, TlsTest, openssl

# What openssl calls its verdicts.
GOOD, EARLY, EXPIRED, NO_ISSUER, PURPOSE, HOST, ADDRESS = 0, 9, 10, 21, 26, 62, 64
CURL_NOT_BELIEVED = 60


class Matrix(TlsTest):
    def talk(self, server, folder, version, *words):
        return openssl(folder, "s_client", "-connect", f"127.0.0.1:{server.port}", "-ign_eof",
                       version, *words, input=ASK).stdout

    def verdict(self, *words, **where):
        """What openssl says of the server, on both versions."""
        said = {re.search(r"Verify return code: (\d+)", self.talk(*where.values(), v, *words))[1]
                for v in BOTH}
        self.assertEqual(1, len(said), said)
        return int(said.pop())

    def test_clients_believe_a_good_server_under_its_names_and_no_other(self):
        folder, other = self.certificates("--name", "a.test"), self.certificates()
        shutil.copy(other / "ca.pem", folder / "other.pem")
        at = {"server": self.serve(*OWN_TLS, folder=folder), "folder": folder}
        ours, theirs = ("-CAfile", "ca.pem"), ("-CAfile", "other.pem", "-no-CApath", "-no-CAstore")
        for words, says in (
                ([*ours, "-verify_hostname", "localhost"], GOOD),
                ([*ours, "-verify_hostname", "a.test"], GOOD),
                ([*ours, "-verify_ip", "127.0.0.1"], GOOD),
                ([*ours, "-verify_ip", "::1"], GOOD),
                ([*ours, "-verify_hostname", "b.test"], HOST),
                ([*ours, "-verify_hostname", "x.a.test"], HOST),
                ([*ours, "-verify_ip", "127.0.0.2"], ADDRESS),
                ([*theirs, "-verify_hostname", "localhost"], NO_ISSUER)):
            self.assertEqual(says, self.verdict(*words, **at), words)
        port = at["server"].port
        for authority, name, code in (("ca", "localhost", 0), ("ca", "a.test", 0),
                                      ("ca", "127.0.0.1", 0), ("ca", "b.test", CURL_NOT_BELIEVED),
                                      ("other", "localhost", CURL_NOT_BELIEVED)):
            done = curl("--cacert", folder / f"{authority}.pem", "--resolve",
                        f"{name}:{port}:127.0.0.1", f"https://{name}:{port}/plaintext",
                        check=False)
            self.assertEqual(code, done.returncode, (authority, name, done.stderr))
            self.assertEqual(ANSWER.encode() if code == 0 else b"", done.stdout)

    def test_a_server_that_nobody_would_believe_does_not_start(self):
        folder = self.certificates()
        other = self.certificates()
        shutil.copy(other / "server.key", folder / "other.key")
        good = self.signed(folder, "good")
        self.assertEqual(GOOD, self.verified(folder, "good"))
        self.serve(*good, folder=folder).stop()
        for name, options, verdict, says in (
                ("expired", {"end": "20200201000000Z"}, EXPIRED, "it expired on"),
                ("early", {"begin": "20980101000000Z"}, EARLY, "it is not valid before"),
                ("clients", {"usage": "clientAuth"}, PURPOSE, "it is not for servers"),
                # openssl still takes a common name when there is nothing else.
                ("common-name-only", {"names": ""}, GOOD, "for no host name or address"),
                ("mail", {"names": "subjectAltName=email:a@b.test"}, GOOD,
                 "for no host name or address"),
                ("weak", {"key": ("-newkey", "rsa:1024")}, None,
                 "RSA keys have at least 2048 bits")):
            with self.subTest(name=name):
                flags = self.signed(folder, name, **options)
                self.refused(folder, *flags, says=[f"--tls-cert {name}.pem", says])
                if verdict is not None:
                    self.assertEqual(verdict, self.verified(folder, name))
        self.refused(folder, "--tls-cert", "server.pem", "--tls-key", "other.key",
                     says=["certificate and key are not a pair"])

    def verified(self, folder, name):
        done = openssl(folder, "verify", "-CAfile", "ca.pem", "-purpose", "sslserver",
                       "-verify_hostname", "localhost", f"{name}.pem")
        failed = re.search(r"^error (\d+) at 0 depth", done.stdout, re.M)
        self.assertEqual(failed is None, done.returncode == 0, done.stdout)
        return int(failed[1]) if failed else GOOD

    def test_a_server_believes_a_good_client_and_no_other(self):
        folder, other = self.certificates(), self.certificates()
        made = {"names": "", "usage": "clientAuth"}
        clients = {
            "good": (self.signed(folder, "good", **made), True),
            "expired": (self.signed(folder, "expired", **made, end="20200201000000Z"), False),
            "early": (self.signed(folder, "early", **made, begin="20980101000000Z"), False),
            "of a server": (self.signed(folder, "server-only", names=""), False),
            "weak": (self.signed(folder, "weak", **made, key=("-newkey", "rsa:1024")), False),
            "of nobody we know": (self.signed(other, "stranger", **made), False),
        }
        for end in ("pem", "key"):
            shutil.copy(other / f"stranger.{end}", folder / f"stranger.{end}")
        for how in ("required", "optional"):
            server = self.serve(*OWN_TLS, "--tls-client-ca", "ca.pem", "--tls-client-auth", how,
                                folder=folder)
            for who, ((_, certificate, _, key), good) in clients.items():
                for version in BOTH:
                    said = self.talk(server, folder, version, "-cert", certificate, "-key", key,
                                     "-cipher", "DEFAULT:@SECLEVEL=0")
                    self.assertEqual(good, ANSWER in said, (how, who, version, said))
            for version in BOTH:
                self.assertEqual(how == "optional",
                                 ANSWER in self.talk(server, folder, version), (how, version))


if __name__ == "__main__":
    served.need("curl", "openssl")
    unittest.main(verbosity=2)
