"""Clients of `weir serve --tls-cert`: openssl's, Python's and curl, for the tests of TLS."""
import ssl
import subprocess

import served
from served import OWN_TLS, curl, until

ASK = "GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
ANSWER = "Hello, World!"
PEM = ("pem", "key")
BOTH = ("-tls1_2", "-tls1_3")
P256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
AUTHORITY = """[ca]
default_ca=d
[d]
database=index.txt
new_certs_dir=.
rand_serial=yes
default_md=sha256
policy=p
x509_extensions=x
copy_extensions=none
[p]
commonName=supplied
[x]
basicConstraints=CA:FALSE
"""


def openssl(folder, *words, **options):
    return subprocess.run(["openssl", *[str(w) for w in words]], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=60 * served.PATIENCE, check=False, **options)


def s_client(server, *words, ask=ASK, folder=None):
    """openssl s_client, whose part of the talk is `ask`; all it says as text."""
    return openssl(folder, "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", "ca.pem",
                   "-verify_quiet", "-ign_eof", *words, input=ask).stdout


class Peer:
    """A client that keeps its connection, and tells a clean end from a cut one."""

    def __init__(self, server, folder, version=None):
        how = ssl.create_default_context(cafile=folder / "ca.pem")
        how.set_alpn_protocols(["http/1.1"])
        if version:
            how.minimum_version = how.maximum_version = version
        self.tls = how.wrap_socket(server.connect(), server_hostname="localhost",
                                   suppress_ragged_eofs=False)

    def ask(self, target="/plaintext", last=False):
        end = "Connection: close\r\n" if last else ""
        self.tls.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n{end}\r\n".encode())
        got = b""
        while not got.endswith(ANSWER.encode()):
            piece = self.tls.recv(65536)
            if not piece:
                raise AssertionError(f"the end came too early: {got!r}")
            got += piece
        return got

    @property
    def serial(self):
        return self.tls.getpeercert()["serialNumber"].lower()

    def close(self):
        self.tls.close()


class TlsTest(served.ServedTest):
    """Servers that have a certificate for localhost, of the authority in ca.pem beside it."""

    def secure(self, *flags, words=(), **options):
        folder = options.pop("folder", None) or self.certificates(*words)
        return self.serve(*OWN_TLS, *flags, folder=folder, **options), folder

    def asked(self, server, folder, *words, path="/plaintext", **options):
        return curl("--cacert", folder / "ca.pem", *words, server.secure_url + path, **options)

    def signed(self, folder, name, *, begin="20200101000000Z", end="20990101000000Z",
               names="subjectAltName=DNS:localhost,IP:127.0.0.1", usage="serverAuth", key=P256):
        """A certificate with its key, signed by the authority in `folder` as others do it; the
        words that serve it."""
        (folder / "ca.cnf").write_text(f"{AUTHORITY}extendedKeyUsage={usage}\n{names}\n")
        (folder / "index.txt").write_text("")
        for words in (["req", *key, "-nodes", "-subj", "/CN=localhost", "-keyout", f"{name}.key",
                       "-out", f"{name}.csr"],
                      ["ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile",
                       "ca.key", "-startdate", begin, "-enddate", end, "-in", f"{name}.csr",
                       "-out", f"{name}.pem", "-notext"]):
            done = openssl(folder, *words)
            self.assertEqual(0, done.returncode, done.stdout)
        return ["--tls-cert", f"{name}.pem", "--tls-key", f"{name}.key"]

    def refused(self, folder, *words, says, secret="PRIVATE KEY"):
        """It does not start with these, and says why in one line without what is secret."""
        done = subprocess.run([*served.COMMAND, "serve", "--listen", "127.0.0.1:0", *words],
                              cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60 * served.PATIENCE, check=False)
        self.assertEqual(2, done.returncode, (words, done.stderr))
        self.assertEqual("", done.stdout)
        self.assertEqual(1, done.stderr.count("\n"), f"one line, not: {done.stderr!r}")
        self.assertNotIn(secret, done.stderr)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, done.stderr, words)

    def reload(self, server, said="weir: reloaded"):
        before = server.err.text().count(said)
        server.process.send_signal(served.signal.SIGHUP)
        until(lambda: server.err.text().count(said) > before, said)
