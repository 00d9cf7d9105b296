#!/usr/bin/env python3
"""snippets.py: what each fence becomes, and that a mistake in a document is named."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SNIPPETS = Path(__file__).resolve().parent / "snippets.py"
MAIN = "```cpp main\nint main() {}\n```\n"


class Snippets(unittest.TestCase):
    def extract(self, text):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        readme = Path(folder.name) / "README.md"
        readme.write_text(text, encoding="utf-8")
        run = subprocess.run(
            [sys.executable, str(SNIPPETS), folder.name + "/out", "weir/a.hpp;weir/b.hpp",
             str(readme)], capture_output=True, text=True, check=False)
        out = {p.name: p.read_text() for p in Path(folder.name).glob("out/*.cpp")}
        return run.returncode, run.stdout + run.stderr, out

    def test_a_program_is_taken_as_it_stands_and_the_first_is_the_readmes(self):
        code, said, out = self.extract("Text\n\n" + MAIN + "```cpp main run\nint main() { }\n```\n")
        self.assertEqual(0, code, said)
        self.assertEqual('#line 4 "README.md"\nint main() {}\n', out["README_4.cpp"])
        self.assertEqual("int main() {}\n", out["readme_main.cpp"])
        self.assertEqual(["main", "run"], [line.split()[0] for line in said.splitlines()])

    def test_statements_become_a_function_and_includes_are_lifted_out(self):
        _, _, out = self.extract(MAIN + "```cpp\n#include <map>\nint a = 1;\n```\n")
        self.assertEqual(
            "#include <map>\n#include <weir/a.hpp>\n#include <weir/b.hpp>\nvoid snippet();\n"
            'void snippet() {\n#line 5 "README.md"\n\nint a = 1;\n}\n', out["README_5.cpp"])

    def test_statements_that_await_become_a_coroutine(self):
        _, _, out = self.extract(MAIN + "```cpp\nco_await f();\n```\n")
        self.assertIn("weir::runtime::task<void> snippet() {", out["README_5.cpp"])

    def test_declarations_stay_at_file_scope_behind_their_prelude(self):
        _, _, out = self.extract(
            MAIN + "<!-- prelude\nstruct hidden;\n-->\n```cpp file\nvoid f(hidden&);\n```\n")
        self.assertEqual(
            '#include <weir/a.hpp>\n#include <weir/b.hpp>\n#line 5 "README.md"\nstruct hidden;\n'
            '#line 8 "README.md"\nvoid f(hidden&);\n', out["README_8.cpp"])

    def test_other_languages_are_left_alone(self):
        _, said, _ = self.extract(MAIN + "```sh\nmake\n```\n```\n<!-- prelude\n```\n")
        self.assertEqual(1, len(said.splitlines()), said)

    def test_mistakes_are_named_with_their_line(self):
        for text, message in [
                (MAIN + "```cpp nocompile\n```\n", "README.md:4: ```cpp nocompile"),
                (MAIN + "```cpp\nint a;\n", "README.md:4: the fence is never closed"),
                (MAIN + "<!-- prelude\nint a;\n-->\n", "a prelude without a fence"),
                ("no code\n", "README.md has no whole program")]:
            with self.subTest(message):
                code, said, _ = self.extract(text)
                self.assertEqual(1, code)
                self.assertIn(message, said)


if __name__ == "__main__":
    unittest.main()
