#!/usr/bin/env python3
"""Every row of docs/http-requirements.md has a test, and every test of a row has its row; every
answer to what is wrong stands in docs/http-decisions.md, with its section.

A test shows what its name begins with: "F04 R54 V06 the same Content-Length twice: 400". Tests of
tests/http/behaviour run over the simulator and over sockets; others show a row only if it says
"unit:". With --list [id...] the tests of each id are printed, with the place they stand in.
"""
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/http-requirements.md"
EVERYWHERE = "tests/http/behaviour/"
ID = re.compile(r"[RFDXJSV]\d\d")
ROW = re.compile(r"^\| (%s) \| (.*) \|$" % ID.pattern, re.M)
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*\n\s*"(?:[^"\\\n]|\\.)*")*')
NAME = re.compile(r"(?:%s )+(?=\S+ \S)" % ID.pattern)
FAMILIES = {"R": 95, "F": 31, "D": 9, "X": 8, "J": 9, "S": 21, "V": 17}


def tests():
    """(ids, name, path, line) of each test whose name begins with ids."""
    for path in sorted((ROOT / "tests").rglob("*.cpp")):
        text = path.read_text(encoding="utf-8")
        for found in LITERAL.finditer(text):
            name = re.sub(r'"\s*\n\s*"', "", found[0])[1:-1]
            if ids := NAME.match(name):
                line = text.count("\n", 0, found.start()) + 1
                yield ids[0].split(), name, path.relative_to(ROOT).as_posix(), line


def rows():
    return dict(ROW.findall((ROOT / PAGE).read_text(encoding="utf-8")))


class Requirements(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = rows()
        cls.everywhere, cls.anywhere = set(), set()
        for ids, _, path, _ in tests():
            cls.anywhere.update(ids)
            if path.startswith(EVERYWHERE):
                cls.everywhere.update(ids)

    def those(self, mark):
        return {row for row, text in self.rows.items() if mark in text}

    def test_every_id_has_a_row_with_its_answer(self):
        wanted = {f"{letter}{n:02d}" for letter, last in FAMILIES.items()
                  for n in range(1, last + 1)}
        self.assertEqual(wanted, set(self.rows))
        for row, text in self.rows.items():
            self.assertRegex(text, r"^\S.* \| \S", row)

    def test_every_row_has_a_test_in_all_worlds_or_says_why_not(self):
        excused = self.those("unit: ") | self.those("no test: ")
        self.assertEqual(set(), set(self.rows) - excused - self.everywhere, "ids without a test")
        self.assertEqual(set(), excused & self.everywhere, "ids that have a test by now")
        self.assertEqual(set(), self.those("unit: ") - self.anywhere, "units without a test")
        self.assertEqual(set(), self.those("no test: ") & self.anywhere, "tests by now")

    def test_no_test_names_an_id_that_is_not_there(self):
        self.assertEqual(set(), self.anywhere - set(self.rows))

    def test_every_answer_to_what_is_wrong_is_a_decision(self):
        page = (ROOT / "docs/http-decisions.md").read_text(encoding="utf-8")
        codes = set()
        for header in ("refusal.hpp", "problem.hpp"):
            text = (ROOT / "http/include/weir/http" / header).read_text(encoding="utf-8")
            codes.update(re.findall(r"^WEIR_(?:REFUSAL|PROBLEM)\((\w+),", text, re.M))
        self.assertGreater(len(codes), 45)
        self.assertEqual(set(), {code for code in codes if f"`{code}`" not in page})
        for line in re.findall(r"^\| .*$", page, re.M):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            self.assertEqual(4, len(cells), line)
            self.assertTrue(all(cells[:3]), line)


def print_list(wanted):
    found = list(tests())
    for row, text in rows().items():
        if wanted and row not in wanted:
            continue
        print(f"{row}  {text.replace(' | ', ': ')}")
        for ids, name, path, line in found:
            if row in ids:
                print(f"     {path}:{line}: {name}")


if __name__ == "__main__":
    if "--list" in sys.argv:
        print_list(sys.argv[sys.argv.index("--list") + 1:])
    else:
        unittest.main()
