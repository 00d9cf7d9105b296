#!/usr/bin/env python3
"""How the rounds of ci/bench become medians, ratios and tables."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
sys.dont_write_bytecode = True

import report  # noqa: E402


def entry(cpu_us, user_share=0.5, errors=0):
    return {"cpu_us": cpu_us, "user_share": user_share, "requests": 10, "errors": errors,
            "requests_per_second": 1e6 / cpu_us, "p50_us": 1.0, "p99_us": 2.0}


class Report(unittest.TestCase):
    def test_a_ratio_is_made_inside_its_round(self):
        # The machine was slow in the second round, for both alike.
        rounds = {"raw": [entry(10), entry(40), entry(10)],
                  "weir": [entry(11), entry(44), entry(12)]}
        ratio = report.summarise(rounds, "raw")["weir"]["ratio"]
        self.assertAlmostEqual(1.1, ratio["median"])
        self.assertAlmostEqual(1.1, ratio["min"])
        self.assertAlmostEqual(1.2, ratio["max"])

    def test_without_the_raw_loop_there_is_no_ratio(self):
        self.assertNotIn("ratio", report.summarise({"weir": [entry(11)]}, "raw")["weir"])

    def test_user_time_is_a_share_of_what_a_request_cost(self):
        row = report.summarise({"weir": [entry(8, user_share=0.25)]}, "raw")["weir"]
        self.assertAlmostEqual(2.0, row["user_us"]["median"])

    def test_failed_requests_of_all_rounds_are_told(self):
        row = report.summarise({"weir": [entry(8, errors=1), entry(8, errors=2)]}, "raw")["weir"]
        self.assertEqual((3, 20), (row["errors"], row["requests"]))
        scenario = {"servers": {"weir": row}, "calls": {}, "baseline": "raw"}
        self.assertTrue(report.load_table(scenario).endswith(" 3 |"))

    def test_a_table_is_markdown_and_aligned(self):
        lines = report.table([["server", "x"], ["raw", "1.00"], ["a-long-name", "12.00"]])
        lines = lines.split("\n")
        self.assertEqual(1, len({len(line) for line in lines}))
        self.assertEqual("| ----------- | ----: |", lines[1])

    def test_calls_are_added_up(self):
        row = report.summarise({"weir": [entry(8)]}, "raw")["weir"]
        scenario = {"servers": {"weir": row}, "calls": {"weir": {"recvfrom": 1.0, "sendto": 1.25}},
                    "baseline": "mbedtls"}
        self.assertIn(" 2.25 ", report.load_table(scenario))
        self.assertIn(" x mbedtls ", report.load_table(scenario))


if __name__ == "__main__":
    unittest.main()
