#!/usr/bin/env python3
"""weir cert: what it makes is what others verify, belongs to one, and replaces nothing."""
import os
import shutil
import stat
import subprocess
import threading
import unittest

import served
from served import cert

OURS = ["ca.key", "ca.pem", "server.key", "server.pem"]


def openssl(*words):
    return subprocess.run(["openssl", *[str(w) for w in words]], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)


class Cert(served.ServedTest):
    def made(self, folder, *words):
        done = cert(folder, *words)
        self.assertEqual(0, done.returncode, done.stderr)
        return done

    def refused(self, folder, *words, says, code=2, **options):
        before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
        done = cert(folder, *words, **options)
        self.assertEqual(code, done.returncode, (words, done.stderr))
        self.assertEqual("", done.stdout)
        self.assertEqual(1, done.stderr.count("\n"), f"one line, not: {done.stderr!r}")
        self.assertNotIn("PRIVATE KEY", done.stderr)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, done.stderr, words)
        after = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
        self.assertEqual(before, after, "something was written")

    def verifies(self, folder, leaf, *how, to=True, says=": OK"):
        done = openssl("verify", "-x509_strict", "-CAfile", folder / "ca.pem", *how, folder / leaf)
        self.assertEqual(to, done.returncode == 0, done.stdout)
        self.assertIn(says, done.stdout)

    def test_a_chain_that_others_verify_for_every_name_it_is_for(self):
        for kind in ([], ["--rsa"]):
            folder = self.folder()
            self.made(folder, "--name", "a.test", "--name", "*.b.test", "--name", "10.1.2.3", *kind)
            server = ["server.pem", "-purpose", "sslserver"]
            for name in ("localhost", "a.test", "x.b.test"):
                self.verifies(folder, *server, "-verify_hostname", name)
            for address in ("127.0.0.1", "::1", "10.1.2.3"):
                self.verifies(folder, *server, "-verify_ip", address)
            self.verifies(folder, "server.pem", "-verify_hostname", "c.test", to=False,
                          says="hostname mismatch")
            self.verifies(folder, "server.pem", "-purpose", "sslclient", to=False,
                          says="certificate purpose")

    def test_another_authority_does_not_vouch_for_it(self):
        folder, other = self.folder(), self.folder()
        self.made(folder)
        self.made(other)
        (other / "ca.pem").replace(folder / "ca.pem")
        self.verifies(folder, "server.pem", to=False, says="unable to get local issuer certificate")

    def test_keys_and_serial_numbers_are_what_they_should_be(self):
        folder = self.folder()
        self.made(folder)
        text = openssl("x509", "-in", folder / "server.pem", "-noout", "-text").stdout
        self.assertIn("ASN1 OID: prime256v1", text)
        self.assertIn("CA:FALSE", text)
        serial = openssl("x509", "-in", folder / "server.pem", "-noout", "-serial").stdout
        self.assertRegex(serial, r"^serial=[0-7][0-9A-F]{31}$")  # 16 bytes, positive
        self.made(folder, "--force", "--rsa")
        again = openssl("x509", "-in", folder / "server.pem", "-noout", "-serial").stdout
        self.assertNotEqual(serial, again)
        self.assertIn("2048 bit", openssl("rsa", "-in", folder / "server.key", "-noout",
                                          "-text").stdout)

    def test_it_begins_a_little_before_now_and_ends_when_asked(self):
        folder = self.folder()
        for days in (1, 397):
            self.made(folder, "--force", "--days", str(days))
            held = [openssl("x509", "-in", folder / "server.pem", "-noout", "-checkend",
                            days * 86400 + late).returncode for late in (-3600, 3600)]
            self.assertEqual([0, 1], held)
        self.verifies(folder, "server.pem", "-attime", int(served.time.time()) - 240)

    def test_paths_are_on_standard_output_and_what_to_do_on_the_other(self):
        folder = self.folder()
        (folder / "certs").mkdir()
        done = self.made(folder, "--dir", "certs")
        self.assertEqual([f"certs/{name}" for name in OURS], sorted(done.stdout.split()))
        self.assertIn("curl --cacert certs/ca.pem", done.stderr)
        self.assertIn("--tls-cert certs/server.pem --tls-key certs/server.key", done.stderr)
        self.assertNotIn("PRIVATE KEY", done.stdout + done.stderr)

    @served.NO_POSIX
    def test_files_belong_to_their_owner_alone_whatever_is_masked(self):
        for mask in (0o000, 0o022, 0o377):
            folder = self.folder()
            done = cert(folder, umask=mask)
            self.assertEqual(0, done.returncode, done.stderr)
            for name in OURS:
                self.assertEqual(0o600, stat.S_IMODE((folder / name).stat().st_mode), name)

    def test_nothing_is_overwritten(self):
        folder = self.folder()
        self.made(folder)
        self.refused(folder, says=["server.pem is there already", "--force", "--dir"])
        (folder / "server.pem").unlink()
        self.refused(folder, says="server.key is there already")
        (folder / "client.pem").write_text("mine")
        self.refused(folder, "--client", says="client.pem is there already")
        (folder / "client.pem").unlink()
        (folder / "client.pem").mkdir()
        self.refused(folder, "--client", says="client.pem is there already")

    def test_force_makes_a_new_leaf_and_never_a_new_authority(self):
        folder = self.folder()
        self.made(folder)
        before = {name: (folder / name).read_bytes() for name in OURS}
        done = self.made(folder, "--force")
        self.assertEqual(["server.key", "server.pem"], sorted(done.stdout.split()))
        after = {name: (folder / name).read_bytes() for name in OURS}
        for name in OURS:
            self.assertEqual(name.startswith("ca."), before[name] == after[name], name)
        self.verifies(folder, "server.pem")
        self.assertEqual(OURS, sorted(os.listdir(folder)))

    def test_an_authority_that_is_no_use_is_refused_and_kept(self):
        folder, other = self.folder(), self.folder()
        self.made(folder)
        self.made(other)
        key = (folder / "ca.key").read_bytes()
        (folder / "ca.key").unlink()
        self.refused(folder, "--force", says=["ca.pem but not ca.key", "put it back"])
        shutil.copy(other / "ca.key", folder / "ca.key")
        self.refused(folder, "--force", says=["ca.pem and ca.key", "not a pair", "move both away"])
        (folder / "ca.key").write_text("no key")
        self.refused(folder, "--force", says=["ca.pem and ca.key", "private key"])
        (folder / "ca.key").write_bytes(key)
        certificate = (folder / "ca.pem").read_bytes()
        (folder / "ca.pem").write_text("no certificate")
        self.refused(folder, "--force", says=["ca.pem and ca.key", "certificate chain"])
        (folder / "ca.pem").write_bytes(certificate)
        self.made(folder, "--force")
        # A leaf in the place of the authority.
        for end in ("pem", "key"):
            shutil.copy(folder / f"server.{end}", folder / f"ca.{end}")
        self.refused(folder, "--force", says=["ca.pem", "may not sign"])

    def test_a_client_gets_one_of_its_own(self):
        folder = self.folder()
        self.made(folder)
        done = self.made(folder, "--client", "--name", "alice.test")
        self.assertEqual(["client.key", "client.pem"], sorted(done.stdout.split()))
        self.verifies(folder, "client.pem", "-purpose", "sslclient")
        self.verifies(folder, "client.pem", "-purpose", "sslserver", to=False,
                      says="certificate purpose")

    @served.NO_POSIX
    def test_a_disk_that_takes_nothing_leaves_nothing(self):
        folder = self.folder()
        words = ["/bin/sh", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "sh", *served.COMMAND,
                 "cert"]
        # Its own words go to a pipe, which no limit of file sizes bounds.
        done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertIn("cannot write server.key", done.stderr)
        self.assertEqual([], os.listdir(folder))

    @served.NO_POSIX
    def test_a_name_that_turns_out_to_be_taken_takes_the_others_back(self):
        for taken in ("server.pem", "ca.key", "ca.pem"):
            folder = self.folder()
            # It opens as if nothing were there, and yet the name is taken.
            (folder / taken).symlink_to("nowhere")
            done = cert(folder)
            self.assertEqual(2, done.returncode)
            self.assertIn(f"{taken} is there already", done.stderr)
            self.assertEqual([taken], os.listdir(folder))
            self.assertTrue((folder / taken).is_symlink())

    @served.NO_POSIX
    @unittest.skipIf(shutil.which("strace") is None or served.SANITIZED, "needs strace")
    def test_a_signal_in_the_middle_leaves_nothing(self):
        for at in range(1, 5):
            folder = self.folder()
            done = subprocess.run(
                ["strace", "-qq", "-o", "/dev/null", "-e", "trace=fsync",
                 "-e", f"inject=fsync:signal=SIGTERM:when={at}", *served.COMMAND, "cert"],
                cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                check=False)
            if "PTRACE" in done.stderr or "ptrace" in done.stderr:
                self.skipTest("strace may not trace here")
            self.assertEqual(130, done.returncode, done.stderr)
            self.assertIn("nothing was made", done.stderr)
            self.assertEqual([], os.listdir(folder), at)

    def test_of_many_that_make_at_one_time_one_wins_and_what_is_there_fits(self):
        folder = self.folder()
        codes = []
        threads = [threading.Thread(target=lambda: codes.append(cert(folder).returncode))
                   for _ in range(2 if served.EMULATOR else 8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual([0] + [2] * (len(codes) - 1), sorted(codes))
        self.assertEqual(OURS, sorted(os.listdir(folder)))
        self.verifies(folder, "server.pem")

    def test_words_that_cannot_be_used_are_refused(self):
        folder = self.folder()
        self.refused(folder, "--dir", "not-there", says=["not-there", "make it first"])
        self.refused(folder, "--dir", "", says="--dir")
        for days in ("0", "398", "-1", "1d", "", "4294967296"):
            self.refused(folder, f"--days={days}", says=["--days", "weir cert --help"])
        for name in ("a..b", "-a", "a_.-", "a b", "*", "*.", "a.*.b", "", "x" * 64, "a/b",
                     "\u00e4"):
            self.refused(folder, f"--name={name}", says="--name")
        self.refused(folder, "--nam", says=["--nam", "weir cert --help"])

    @served.NO_POSIX
    @unittest.skipIf(not served.WINDOWS and os.geteuid() == 0, "root may write everywhere")
    def test_a_folder_that_may_not_be_written_is_said_by_name(self):
        folder = self.folder()
        folder.chmod(0o500)
        self.refused(folder, says=["cannot write server.key", "may not"])

    def test_help_begins_with_three_examples(self):
        done = cert(self.folder(), "--help")
        lines = done.stdout.split("\n")
        self.assertEqual("Examples:", lines[0])
        for line in lines[1:4]:
            self.assertTrue(line.startswith("  weir cert"), line)
        self.assertEqual("", lines[4])


if __name__ == "__main__":
    served.need("openssl")
    unittest.main(verbosity=2)
