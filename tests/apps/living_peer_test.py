#!/usr/bin/env python3
"""Defects that were found in a living server of another make, tried on the program itself.

The program runs with the dispositions a shell gives it: SIGPIPE ends a process that does not look
after it, and subprocess gives it back to the child.
"""
import os
import socket
import struct
import unittest

import served

MIB = 1024 * 1024
HOST = b"Host: a\r\n"


def get(target):
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n"


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


class LivingPeer(served.ServedTest):
    def still_serves(self, server):
        self.assertIsNone(server.process.poll(), server.err.text())
        self.assertEqual(200, served.Answer(server.url + "/healthz").status)

    def test_a_reset_at_any_moment_never_ends_the_process(self):
        server = self.serve()
        request = (get(b"/bytes/100000") + get(b"/stream/50") +
                   b"POST /submit HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello" +
                   get(b"/healthz"))
        self.still_serves(server)  # what is opened once and kept is there
        descriptors = served.settled(server.descriptors)
        for cut in range(0, len(request) + 1, 3):
            peer = server.connect()
            peer.sendall(request[:cut])
            reset(peer)
        # Inside answers: pipelined writes go on while the peer is gone.
        for read in [1, 100, 1_000, 50_000, 99_999, 100_200, 150_000, 400_000] * 8:
            peer = server.connect()
            peer.sendall(get(b"/bytes/100000") * 60)
            got = 0
            while got < read:
                piece = peer.recv(min(65_536, read - got))
                self.assertTrue(piece)
                got += len(piece)
            reset(peer)
        for _ in range(40):
            peer = server.connect()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            peer.sendall(get(b"/bytes/10000000") * 4)
            reset(peer)
        self.still_serves(server)
        served.until(lambda: server.descriptors() <= descriptors, "descriptors to be given back")
        self.assertEqual(0, server.stop()[1])

    def test_who_pipelines_and_never_reads_is_cut_in_time_and_memory_is_bounded(self):
        server = self.serve("--write-deadline", "1s", "--requests-per-connection-max", "unbounded")
        self.still_serves(server)
        before = server.memory_peak()
        peers = []
        for _ in range(32):
            peer = server.connect()
            peer.setblocking(False)
            peers.append(peer)
        flood = get(b"/bytes/65536") * 20_000
        for peer in peers:
            try:
                while peer.send(flood):
                    pass
            except (BlockingIOError, ConnectionError):
                pass
        self.still_serves(server)

        def gone(peer):
            try:
                peer.send(b"x")
            except BlockingIOError:
                return False
            except ConnectionError:
                return True
            return False

        left = list(peers)

        def all_gone():
            left[:] = [peer for peer in left if not gone(peer)]
            return not left
        served.until(all_gone, "those that do not read to be cut off")
        for peer in peers:
            peer.close()
        # A connection that stands holds a receive and a send buffer at most.
        if not served.SANITIZED:
            self.assertLess(server.memory_peak() - before, 32 * MIB // 4)
        self.still_serves(server)

    def test_an_endless_chunk_extension_is_refused_with_flat_memory(self):
        server = self.serve()
        self.still_serves(server)
        before = server.memory_peak()
        head = b"POST /submit HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
        many = b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 200_000
        for body in (b"5;" + b"a" * (4 * MIB), many):
            with server.connect() as peer:
                try:
                    peer.sendall(head + body)
                except ConnectionError:
                    pass  # past what is discarded, the connection is cut off
                got = b""
                try:
                    while piece := peer.recv(65_536):
                        got += piece
                except ConnectionError:
                    pass
                if got:
                    self.assertTrue(got.startswith(b"HTTP/1.1 400 "), got[:200])
                    self.assertEqual(1, got.count(b"HTTP/1.1 "))
        # Within what is discarded the answer is whole, and the end is in order.
        answer = server.raw(head + b"5;" + b"a" * 100_000)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer[:200])
        self.assertIn(b'"code":"chunk_line_too_long"', answer)
        if not served.SANITIZED:
            self.assertLess(server.memory_peak() - before, 2 * MIB)
        self.still_serves(server)


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    unittest.main(verbosity=2)
