#!/usr/bin/env python3
"""A file of 1 GiB: the same bytes at the other end, and memory that does not know about it."""
import hashlib
import os
import subprocess
import unittest

import served

SIZE = 1024 * 1024 * 1024


class LargeFile(served.ServedTest):
    def make(self, folder):
        """Sparse, with marks at places where buffers, pages and 31 bits end."""
        path = folder / "large.bin"
        with open(path, "wb") as out:
            for at in (0, 65_535, 65_536, 4_000_000, SIZE // 2 - 3, SIZE - 11):
                out.seek(at)
                out.write(b"mark%07d" % (at % 10_000_000))
            out.truncate(SIZE)
        return path

    def digest(self, pipe):
        sha = hashlib.sha256()
        total = 0
        while piece := pipe.read(1 << 20):
            sha.update(piece)
            total += len(piece)
        return total, sha.hexdigest()

    def test_its_hash_matches_and_memory_stays_flat(self):
        folder = self.folder()
        path = self.make(folder)
        server = self.serve("--files", folder)
        served.Answer(server.url + "/files/large.bin", "-I")
        before = server.memory_peak()
        with open(path, "rb") as original:
            wanted = self.digest(original)
        self.assertEqual(SIZE, wanted[0])
        got = subprocess.Popen(["curl", "-sS", "--fail", server.url + "/files/large.bin"],
                               stdout=subprocess.PIPE, env=served.CLEAN)
        self.assertEqual(wanted, self.digest(got.stdout))
        self.assertEqual(0, got.wait())
        got.stdout.close()
        # wine's TransmitFile keeps 64 KiB of each call for ever: of the program that says nothing.
        if not served.SANITIZED and not served.WINDOWS:
            self.assertLess(server.memory_peak() - before, 8 * 1024 * 1024)

    def test_bytes_of_a_slow_reader_wait_in_the_kernel_and_not_in_memory(self):
        server = self.serve()
        with server.connect() as peer:
            peer.sendall(b"GET /bytes/1099511627776 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(peer.recv(100).startswith(b"HTTP/1.1 200 "))
            before = server.memory_peak()
            # The server has written all it can when the loop has turned for another request.
            for _ in range(50):
                self.assertEqual(200, served.Answer(server.url + "/healthz").status)
            if not served.SANITIZED:
                self.assertLess(server.memory_peak() - before, 4 * 1024 * 1024)


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    unittest.main(verbosity=2)
