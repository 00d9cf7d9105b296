#!/usr/bin/env python3
"""What the program stands on every system: a crowd, bodies that arrive whole, peers that drip.

One text for all of them. Peers are this process's own sockets, driven by one thread.
"""
import asyncio
import hashlib
import os
import time
import unittest

import served
from served import Answer

CROWD = 1000
UPLOAD = 64 * 1024
DOWNLOAD = 8 * 1024 * 1024


class Peer:
    """One connection, kept."""

    @classmethod
    async def of(cls, server):
        self = cls()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", server.port,
                                                                 limit=1 << 20)
        return self

    async def ask(self, request):
        """The status and the body, which has a length."""
        self.writer.write(request)
        await self.writer.drain()
        head = await self.reader.readuntil(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return int(head.split()[1]), await self.reader.readexactly(int(line[15:]))
        raise AssertionError(f"no length in {head}")

    async def end(self):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def together(jobs, seconds=60):
    """Runs coroutines side by side, under a deadline."""
    async def run():
        return await asyncio.wait_for(asyncio.gather(*jobs), seconds * served.PATIENCE)
    return asyncio.run(run())


class Acceptance(served.ServedTest):
    def test_a_thousand_connections_at_once_are_each_given_their_own_answer(self):
        server = self.serve("--idle-deadline", "10min")
        self.assertEqual(200, Answer(server.url + "/healthz").status)
        before = served.settled(server.descriptors)
        open_now = 0
        all_open = asyncio.Event()

        async def one(number):
            nonlocal open_now
            peer = await Peer.of(server)
            # Served once, so that it is not only in the queue of the system.
            self.assertEqual((200, b"ok\n"), await peer.ask(get("/healthz")))
            open_now += 1
            if open_now == CROWD:
                self.assertGreaterEqual(server.descriptors() - before, CROWD)
                all_open.set()
            await all_open.wait()
            wanted = f"number {number} ".encode() * 20
            target = "/echo/" + wanted.decode().replace(" ", "%20")
            self.assertEqual((200, wanted), await peer.ask(get(target)))
            await peer.end()

        together([one(number) for number in range(CROWD)])
        served.until(lambda: server.descriptors() <= before, "every handle to come back")
        self.assertEqual((0, 0), server.stop())

    def test_uploads_come_back_whole_many_at_once(self):
        server = self.serve()

        async def one():
            peer = await Peer.of(server)
            for _ in range(4):
                body = os.urandom(UPLOAD)
                status, echo = await peer.ask(
                    b"POST /submit HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % UPLOAD +
                    body)
                self.assertEqual(200, status)
                self.assertEqual(hashlib.sha256(body).digest(), hashlib.sha256(echo).digest())
            await peer.end()

        together([one() for _ in range(100)])
        server.stop()

    def test_downloads_arrive_whole_several_at_once(self):
        folder = self.folder()
        body = os.urandom(DOWNLOAD)
        (folder / "random.bin").write_bytes(body)
        pattern = bytes(i % 251 for i in range(251)) * (DOWNLOAD // 251 + 1)
        wanted = {"/files/random.bin": hashlib.sha256(body).digest(),
                  f"/bytes/{DOWNLOAD}": hashlib.sha256(pattern[:DOWNLOAD]).digest()}
        server = self.serve("--files", folder)
        self.assertEqual(200, Answer("-I", server.url + "/files/random.bin").status)
        before = served.settled(server.descriptors)

        async def one(path):
            peer = await Peer.of(server)
            for _ in range(2):  # a second one on the same connection: the first ended where it said
                status, got = await peer.ask(get(path))
                self.assertEqual((200, DOWNLOAD), (status, len(got)))
                self.assertEqual(wanted[path], hashlib.sha256(got).digest())
            await peer.end()

        together([one(path) for path in wanted for _ in range(6)])
        served.until(lambda: server.descriptors() <= before, "files and connections to be closed")
        server.stop()

    def test_dripped_heads_end_at_their_deadline_and_hold_up_nobody(self):
        server = self.serve("--head-deadline", "2s")
        dripping = True

        async def dripper():
            begin = time.monotonic()  # before the server can know of it: its clock starts no sooner
            peer = await Peer.of(server)
            answer = asyncio.ensure_future(peer.reader.read(4096))
            peer.writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n")
            while not answer.done():
                # A byte renews nothing, and one that meets the end is no news.
                peer.writer.write(b"X")
                await asyncio.wait([answer], timeout=0.05)
            self.assertTrue(answer.result().startswith(b"HTTP/1.1 408 "), answer.result()[:60])
            self.assertGreaterEqual(time.monotonic() - begin, 2)
            await peer.end()

        async def other():
            served_meanwhile = 0
            while dripping:
                peer = await Peer.of(server)
                self.assertEqual((200, b"ok\n"), await peer.ask(get("/healthz")))
                await peer.end()
                served_meanwhile += 1
            self.assertGreater(served_meanwhile, 1)

        async def drippers():
            nonlocal dripping
            try:
                await asyncio.gather(*[dripper() for _ in range(50)])
            finally:
                dripping = False

        together([drippers(), other()])
        server.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
