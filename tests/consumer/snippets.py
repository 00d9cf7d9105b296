#!/usr/bin/env python3
"""Takes the C++ out of README.md and docs/*.md, so that the build compiles what readers copy.

Usage: snippets.py OUT HEADER[;HEADER...] FILE.md...

What a fence means (explained to writers in CONTRIBUTING.md):
    ```cpp             statements: the body of a function, after all public headers; a coroutine
                       when it awaits
    ```cpp file        declarations: the body of a file, after all public headers
    ```cpp main        a whole program, compiled and linked as it stands
    ```cpp main run    the same, and run as a test: it has to end with 0
An HTML comment `<!-- prelude`, lines, `-->` before a fence holds declarations that the reader need
not see.

Writes one .cpp per block into OUT, with #line marks, so that an error names the document; prints
"kind path" for each. The first whole program of README.md is also OUT/readme_main.cpp.
"""
import re
import sys
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> *)```cpp(?P<info>[^\n`]*)$")
KINDS = {"": "body", "file": "file", "main": "main", "main run": "run"}


def blocks(text, name):
    """Yields (kind, line number of the first code line, code, prelude)."""
    lines = text.split("\n")
    prelude, i = "", 0
    while i < len(lines):
        line = lines[i]
        if line.strip() == "<!-- prelude":
            end = lines.index("-->", i)
            prelude = f'#line {i + 2} "{name}"\n' + "\n".join(lines[i + 1:end]) + "\n"
            i = end + 1
            continue
        fence = FENCE.match(line)
        if fence:
            info = " ".join(fence["info"].split())
            if info not in KINDS:
                sys.exit(f"{name}:{i + 1}: ```cpp {info}: the kinds are {sorted(KINDS)}")
            closing = fence["indent"] + "```"
            end = next((n for n in range(i + 1, len(lines)) if lines[n].rstrip() == closing), None)
            if end is None:
                sys.exit(f"{name}:{i + 1}: the fence is never closed")
            yield KINDS[info], i + 2, lines[i + 1:end], prelude
            prelude, i = "", end
        elif line.startswith("```"):  # another language: its text is not ours to read
            i = next((n for n in range(i + 1, len(lines)) if lines[n].startswith("```")), i)
        i += 1
    if prelude:
        sys.exit(f"{name}: a prelude without a fence")


def unit(kind, line, code, prelude, headers, name):
    mark = f'#line {line} "{name}"\n'
    if kind in ("main", "run"):
        return prelude + mark + "\n".join(code) + "\n"
    umbrella = "".join(f"#include <{h}>\n" for h in headers)
    if kind == "file":
        return umbrella + prelude + mark + "\n".join(code) + "\n"
    # Includes are legal at file scope only; their lines stay blank below, so that numbers agree.
    includes = "".join(c + "\n" for c in code if c.startswith("#include"))
    body = "\n".join("" if c.startswith("#include") else c for c in code)
    awaits = re.search(r"\bco_(await|return|yield)\b", body)
    result = "weir::runtime::task<void>" if awaits else "void"
    return (f"{includes}{umbrella}{prelude}{result} snippet();\n{result} snippet() {{\n"
            f"{mark}{body}\n}}\n")


def write(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def main(out, headers, *documents):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    headers = [h for h in headers.split(";") if h]
    kept = set()
    for document in map(Path, documents):
        text = document.read_text(encoding="utf-8")
        for kind, line, code, prelude in blocks(text, document.name):
            path = out / f"{document.stem}_{line}.cpp"
            write(path, unit(kind, line, code, prelude, headers, document.name))
            print(kind, path)
            kept.add(path)
            readme_main = out / "readme_main.cpp"
            if document.name == "README.md" and kind in ("main", "run") and readme_main not in kept:
                write(readme_main, "\n".join(code) + "\n")
                kept.add(readme_main)
    if out / "readme_main.cpp" not in kept:
        sys.exit("README.md has no whole program (```cpp main)")
    for old in set(out.glob("*.cpp")) - kept:
        old.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
