#!/usr/bin/env python3
"""Under wrk: a drain that loses nothing, and everything given back afterwards."""
import re
import subprocess
import unittest

import served


def wrk(*words):
    return subprocess.Popen(["wrk", *[str(w) for w in words]], stdout=subprocess.PIPE, text=True,
                            env=served.CLEAN)


# Counts per status, because wrk itself only knows "not 2xx".
STATUS = """
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init() ok = 0; shed = 0; other = 0 end
function response(status)
  if status == 200 then ok = ok + 1 elseif status == 503 then shed = shed + 1
  else other = other + 1 end
end
function done()
  local sums = {ok = 0, shed = 0, other = 0}
  for _, thread in ipairs(threads) do
    for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
  end
  print(string.format("statuses: %d ok, %d shed, %d other", sums.ok, sums.shed, sums.other))
end
"""


class Load(served.ServedTest):
    def drain_under(self, threads):
        script = self.folder() / "status.lua"
        script.write_text(STATUS)
        server = self.serve("--log", "json", "--requests-per-connection-max", "unbounded",
                            "--threads", str(threads))
        load = wrk("-t1", "-c32", "-d4s", "-s", script, server.url + "/plaintext")
        self.addCleanup(load.kill)
        served.until(lambda: len(server.out.lines) > 2000 / served.PATIENCE, "wrk to get going")
        server.signal()
        self.assertEqual(0, server.wait(), server.err.text())
        drained, forced = server.counts()
        self.assertEqual(0, forced)
        # Some close and come again before the listener does: about 32, and never none.
        self.assertGreater(drained, 0)
        said, _ = load.communicate(timeout=60)
        ok, _, other = map(int, re.search(r"(\d+) ok, (\d+) shed, (\d+) other", said).groups())
        self.assertGreater(ok, 0, said)
        self.assertEqual(0, other, said)
        # wrk counts the close of each connection as a read error, and then cannot connect again;
        # unless another thread's listener is there for a moment longer.
        errors = re.search(r"connect \d+, read (\d+), write \d+, timeout (\d+)", said)
        self.assertLessEqual(int(errors[1]), 32 * threads, said)
        self.assertEqual(0, int(errors[2]), said)

    def test_a_drain_under_load_answers_everything_in_flight(self):
        self.drain_under(1)

    def test_a_drain_of_two_threads_under_load_answers_everything_in_flight(self):
        self.drain_under(2)

    def test_after_load_descriptors_and_memory_are_what_they_were(self):
        server = self.serve()
        warm = wrk("-t1", "-c64", "-d1s", server.url + "/plaintext")
        warm.communicate(timeout=60)
        served.until(lambda: server.descriptors() <= 40, "warm-up to be over")
        before, peak = server.descriptors(), server.memory_peak()
        for path in ("/plaintext", "/stream", "/bytes/10000"):
            said, _ = wrk("-t1", "-c64", "-d1s", server.url + path).communicate(timeout=60)
            self.assertNotIn("Non-2xx", said)
            # wrk reconnects after the last answer of a connection: nothing else may go wrong.
            errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), "
                               r"timeout (\d+)", said)
            self.assertIsNone(errors, said)
        served.until(lambda: server.descriptors() <= before, "descriptors to come back")
        if not served.SANITIZED:
            self.assertLess(server.memory_peak() - peak, 8 * 1024 * 1024)
        server.stop()


if __name__ == "__main__":
    served.need("wrk")
    unittest.main(verbosity=2)
