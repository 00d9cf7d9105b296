#!/usr/bin/env python3
"""testssl.sh against weir serve: nothing above "low" that docs/tls.md does not justify.

Its findings have an id and a severity. A row of JUSTIFIED is an id with the words it has to say;
the reason stands in docs/tls.md, under the same id. With --report FILE the findings are kept.
"""
import json
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import served
from served import OWN_TLS

NAMES = ("testssl", "testssl.sh")
ABOVE_LOW = {"MEDIUM", "HIGH", "CRITICAL", "FATAL", "WARN"}
# What it says of itself and not of the server.
ABOUT_ITSELF = {"scanTime", "engine_problem"}
JUSTIFIED = {
    "cert_revocation": "Neither CRL nor OCSP URI provided",
    "sessionresumption_ticket": "check failed because of connect problem",
}
PAGE = Path(__file__).resolve().parents[2] / "docs/tls.md"


class TestSsl(served.ServedTest):
    def test_it_finds_nothing_above_low_that_is_not_justified(self):
        for kind in ([], ["--rsa"]):
            folder = self.certificates("--days", "397", *kind)
            server = self.serve(*OWN_TLS, "--requests-per-connection-max", "unbounded",
                                folder=folder)
            report = folder / "report.json"
            done = subprocess.run(
                [TOOL, "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none",
                 "--openssl", shutil.which("openssl"), "--add-ca", str(folder / "ca.pem"),
                 "--jsonfile", str(report), f"localhost:{server.port}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace", timeout=900 * served.PATIENCE, check=False,
                env={**served.CLEAN, "TERM": "dumb"})
            self.assertTrue(report.exists(), done.stdout[-3000:])
            if REPORT:
                shutil.copy(report, REPORT + ("-rsa" if kind else ""))
            found = json.loads(report.read_text())
            said = {each["id"]: each for each in found}
            # It has looked, and at this server.
            for id, words in (("TLS1_2", "offered"), ("TLS1_3", "offered"), ("heartbleed", "not"),
                              ("TLS1", "not offered"), ("SSLv3", "not offered")):
                self.assertIn(words, said[id]["finding"], id)
            for each in found:
                if each["severity"] not in ABOVE_LOW or each["id"] in ABOUT_ITSELF:
                    continue
                with self.subTest(id=each["id"], finding=each["finding"]):
                    self.assertRegex(each["finding"], JUSTIFIED.get(each["id"], "^(?!)"))
            server.stop()

    def test_what_is_justified_has_its_reason(self):
        rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.M)
        self.assertEqual(sorted(JUSTIFIED), sorted(rows))


TOOL = next((name for name in NAMES if shutil.which(name)), None)
REPORT = None
if "--report" in sys.argv:
    at = sys.argv.index("--report")
    REPORT = sys.argv[at + 1]
    del sys.argv[at:at + 2]

if __name__ == "__main__":
    served.need("openssl", *([] if TOOL else [NAMES[0]]))
    unittest.main(verbosity=2)
