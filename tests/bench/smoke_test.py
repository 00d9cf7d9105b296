#!/usr/bin/env python3
"""One short run of ci/bench: every server that is installed plays every scenario it can, each
request is answered, and there is a figure for each. What the figures are is not looked at.

    smoke_test.py BUILD
"""
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77
build = None


class Smoke(unittest.TestCase):
    def test_every_scenario_has_figures_and_no_failed_request(self):
        with tempfile.TemporaryDirectory() as folder:
            to = Path(folder) / "bench.json"
            done = subprocess.run(
                [sys.executable, str(ROOT / "ci/bench"), "--quick", "--peers", "installed",
                 "--build", build, "--json", str(to)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(0, done.returncode, done.stdout)
            result = json.loads(to.read_text())
        listed = subprocess.run([sys.executable, str(ROOT / "ci/bench"), "--list"],
                                stdout=subprocess.PIPE, text=True, check=True).stdout
        names = [line.split()[0] for line in listed.splitlines()]
        self.assertEqual(names, list(result["scenarios"]))
        loaded = dict(result["scenarios"])
        for case in loaded.pop("micro")["cases"]:
            self.assertGreater(case["best_ns"], 0, case["name"])
        counts = loaded.pop("instructions").get("instructions", {})
        self.assertEqual(shutil.which("valgrind") is not None, bool(counts))
        for name, count in counts.items():
            self.assertGreater(count, 0, name)
        for name, scenario in loaded.items():
            if not scenario:  # a handshake each, and no libssl-dev to make them with
                self.assertIn(name, ("tls_full", "tls_resumed"))
                continue
            baseline = "mbedtls" if name.startswith("tls_") else "raw"
            self.assertLessEqual({baseline, "weir"}, set(scenario["servers"]), name)
            for server, row in scenario["servers"].items():
                with self.subTest(scenario=name, server=server):
                    if name in ("idle", "tls_idle"):
                        self.assertGreater(row["resident_bytes"], 0)
                        continue
                    self.assertEqual(0, row["errors"])
                    self.assertGreater(row["requests"], 0)
                    for figure in ("cpu_us", "requests_per_second", "p50_us", "ratio"):
                        self.assertGreater(row[figure]["median"], 0, figure)


if __name__ == "__main__":
    build = sys.argv.pop(1)
    for tool in ("wrk", "strace"):
        if shutil.which(tool) is None:
            print(f"skipped: {tool} is not installed")
            sys.exit(SKIPPED)
    unittest.main()
