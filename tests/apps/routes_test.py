#!/usr/bin/env python3
"""Each route as curl sees it."""
import json
import unittest

import served
from served import Answer, curl

PERIOD = 251  # of GET /bytes/{n}


class Routes(served.ServedTest):
    @classmethod
    def setUpClass(cls):
        cls.server = served.Served()
        cls.url = cls.server.url

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def problem(self, answer, status, code):
        self.assertEqual(status, answer.status)
        self.assertEqual("application/problem+json", answer.fields["content-type"])
        self.assertEqual(code, json.loads(answer.body)["code"])

    def test_home_is_text_unless_html_is_preferred(self):
        for accept in ("*/*", "text/*", "text/plain", "text/html;q=0.5, text/plain", ""):
            answer = Answer("-H", "Accept: " + accept if accept else "Accept:", self.url + "/")
            self.assertEqual("text/plain; charset=utf-8", answer.fields["content-type"], accept)
            self.assertIn(b"/plaintext", answer.body)
            self.assertEqual("Accept", answer.fields["vary"])
        browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        for accept in (browser, "text/html", "TEXT/HTML;level=1"):
            answer = Answer("-H", "Accept: " + accept, self.url + "/")
            self.assertEqual("text/html; charset=utf-8", answer.fields["content-type"], accept)
            self.assertIn(b'<a href="/plaintext">', answer.body)
            self.assertEqual("nosniff", answer.fields["x-content-type-options"])
            self.assertIn("default-src 'none'", answer.fields["content-security-policy"])

    def test_plaintext(self):
        answer = Answer(self.url + "/plaintext")
        self.assertEqual((200, b"Hello, World!"), (answer.status, answer.body))
        self.assertEqual("13", answer.fields["content-length"])
        self.assertEqual("weir", answer.fields["server"])
        self.assertIn("date", answer.fields)

    def test_stream_is_chunked_and_whole(self):
        answer = Answer(self.url + "/stream")
        self.assertEqual("chunked", answer.fields["transfer-encoding"])
        self.assertNotIn("content-length", answer.fields)
        lines = answer.body.decode().splitlines()
        self.assertEqual([f"line {i} of 10" for i in range(1, 11)], lines)

    def test_submit_echoes_the_body_with_its_type(self):
        form = Answer("-d", "a=1", self.url + "/submit")
        self.assertEqual((200, b"a=1"), (form.status, form.body))
        self.assertEqual("application/x-www-form-urlencoded", form.fields["content-type"])
        body = b"\0\xff" * 5000
        for more in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
            sent = self.folder() / "body"
            sent.write_bytes(body)
            answer = Answer("--data-binary", f"@{sent}", "-H", "Content-Type: image/x-own", *more,
                            self.url + "/submit")
            self.assertEqual(body, answer.body)
            self.assertEqual("image/x-own", answer.fields["content-type"])
        untyped = Answer("--data-binary", "x", "-H", "Content-Type:", self.url + "/submit")
        self.assertEqual("application/octet-stream", untyped.fields["content-type"])

    def test_count_says_how_long_the_body_was(self):
        sent = self.folder() / "body"
        sent.write_bytes(b"x" * 65536)
        for more in ([], ["-H", "Transfer-Encoding: chunked"]):
            answer = Answer("--data-binary", f"@{sent}", *more, self.url + "/count")
            self.assertEqual((200, b"65536\n"), (answer.status, answer.body))

    def test_submit_is_bounded(self):
        sent = self.folder() / "body"
        sent.write_bytes(b"x" * (1024 * 1024 + 1))
        self.problem(Answer("--data-binary", f"@{sent}", self.url + "/submit"), 413,
                     "body_too_large")

    def test_echo(self):
        self.assertEqual("grün & <b>".encode(),
                         Answer(self.url + "/echo/gr%C3%BCn%20&%20%3Cb%3E").body)
        self.assertEqual("text/plain; charset=utf-8",
                         Answer(self.url + "/echo/%3Cb%3E").fields["content-type"])
        self.assertEqual(404, Answer(self.url + "/echo/").status)
        self.assertEqual(404, Answer(self.url + "/echo/a/b").status)

    def test_user_agent(self):
        self.assertEqual(b"tested/1.0", Answer("-A", "tested/1.0", self.url + "/user-agent").body)
        self.assertEqual(b"", Answer("-H", "User-Agent:", self.url + "/user-agent").body)

    def test_status_answers_what_is_asked_for(self):
        for code in (200, 201, 299, 302, 400, 404, 418, 500, 503, 599):
            self.assertEqual(code, Answer(f"{self.url}/status/{code}").status)
        for code in (204, 304):
            answer = Answer(f"{self.url}/status/{code}")
            self.assertEqual((code, b""), (answer.status, answer.body))
        self.assertIn("www-authenticate", Answer(self.url + "/status/401").fields)
        self.assertIn("allow", Answer(self.url + "/status/405").fields)
        for bad in ("100", "101", "199", "600", "999", "0", "-1", "+200", "200x", "x", "0200x",
                    "99999999999999999999"):
            self.problem(Answer(f"{self.url}/status/{bad}"), 400, "bad_status")

    def test_delay_waits_and_is_bounded(self):
        done = curl("-w", "%{time_total}", self.url + "/delay/200")
        self.assertTrue(done.stdout.startswith(b"waited 200 ms\n"))
        self.assertGreaterEqual(float(done.stdout.split(b"\n")[1]), 0.2)
        self.assertEqual(200, Answer(self.url + "/delay/0").status)
        for bad in ("60001", "-1", "x", "1s", "99999999999999999999"):
            self.problem(Answer(f"{self.url}/delay/{bad}"), 400, "bad_delay")

    def test_block_holds_a_worker_and_is_bounded(self):
        done = curl("-w", "%{time_total}", self.url + "/block/200")
        self.assertTrue(done.stdout.startswith(b"blocked for 200 ms\n"))
        self.assertGreaterEqual(float(done.stdout.split(b"\n")[1]), 0.2)
        for bad in ("60001", "-1", "x"):
            self.problem(Answer(f"{self.url}/block/{bad}"), 400, "bad_delay")

    def test_bytes_are_as_many_as_asked_for_and_the_expected_ones(self):
        pattern = bytes(i % PERIOD for i in range(PERIOD * 4000))
        for count in (0, 1, 250, 251, 64255, 64256, 64257, 1000003):
            answer = Answer(f"{self.url}/bytes/{count}")
            self.assertEqual(str(count), answer.fields["content-length"])
            self.assertEqual(pattern[:count], answer.body)
        for bad in ("1099511627777", "-1", "x", "99999999999999999999"):
            self.problem(Answer(f"{self.url}/bytes/{bad}"), 400, "bad_count")

    def test_healthz(self):
        answer = Answer(self.url + "/healthz")
        self.assertEqual((200, b"ok\n"), (answer.status, answer.body))
        self.assertEqual("no-store", answer.fields["cache-control"])

    def test_head_is_answered_by_every_route_of_get_without_a_body(self):
        for path in ("/", "/plaintext", "/stream", "/echo/a", "/user-agent", "/status/404",
                     "/delay/1", "/block/1", "/bytes/1099511627776", "/healthz"):
            answer = Answer("-I", self.url + path)
            self.assertEqual(404 if "404" in path else 200, answer.status, path)
            self.assertEqual(b"", answer.body, path)
        self.assertEqual("1099511627776",
                         Answer("-I", self.url + "/bytes/1099511627776").fields["content-length"])
        self.assertEqual("13", Answer("-I", self.url + "/plaintext").fields["content-length"])

    def test_what_is_not_there_is_404_and_what_is_not_done_there_405(self):
        self.problem(Answer(self.url + "/nothing"), 404, "not_found")
        self.problem(Answer(self.url + "/files/a"), 404, "not_found")
        answer = Answer("-X", "DELETE", self.url + "/plaintext")
        self.problem(answer, 405, "method_not_allowed")
        self.assertIn("GET", answer.fields["allow"])
        self.assertEqual(405, Answer("-X", "GET", self.url + "/submit").status)

    def test_a_connection_is_kept(self):
        done = curl("-v", self.url + "/plaintext", self.url + "/echo/b")
        self.assertEqual(b"Hello, World!b", done.stdout)
        self.assertIn(b"Re-using existing connection", done.stderr)

    def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(self):
        def comes_and_goes():
            peer = self.server.connect()
            peer.sendall(b"GET /bytes/1099511627776 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(peer.recv(1000).startswith(b"HTTP/1.1 200 "))
            peer.close()
        comes_and_goes()  # the first one may make what stays
        before = self.server.descriptors()
        for _ in range(20):
            comes_and_goes()
        served.until(lambda: self.server.descriptors() <= before, "descriptors to come back")


if __name__ == "__main__":
    unittest.main(verbosity=2)
