#!/usr/bin/env python3
"""Every number of a system's table is held: with any one of them changed nothing compiles.

Usage: abi_flip_test.py SOURCE_ROOT WORK_DIR TABLE CHECK COMPILER...

Copies the headers to WORK_DIR, adds one to each number of abi_TABLE.hpp in turn, compiles
platform/src/CHECK/abi_check.cpp and wants a message that says what differs.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# An entry: a member's number, a brace's numbers, or a constant's.
NUMBER = re.compile(r"(?<![\w.\"])(0x[0-9a-fA-F]+|\d+|true|false)(?=[,};])")
# Facts no header states: another test holds each.
NOT_IN_HEADERS = {"unix_abstract"}


def flipped(text):
    if text in ("true", "false"):
        return "false" if text == "true" else "true"
    return f"({text} + 1)"


def entries(text, arm64):
    at = 0
    taken = True  # the arm of an #if on the architecture
    for line in text.splitlines(keepends=True):
        code = line.split("//")[0]
        if code.startswith("#if") and "__aarch64__" in code:
            taken = arm64
        elif code.startswith("#else"):
            taken = not taken
        elif code.startswith("#endif"):
            taken = True
        if taken and code[:1] != "#" and not any(name in code for name in NOT_IN_HEADERS):
            for match in NUMBER.finditer(code):
                yield at + match.start(), match[0], line.strip()
        at += len(line)


def main():
    root, work = Path(sys.argv[1]), Path(sys.argv[2])
    table, check, compiler = sys.argv[3], sys.argv[4], sys.argv[5:]
    source = root / "platform" / "src" / check / "abi_check.cpp"
    text = (root / f"platform/include/weir/platform/abi_{table}.hpp").read_text(encoding="utf-8")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    command = [*compiler, "-std=c++20", "-DWEIR_STATIC", f"-I{root / 'platform/src'}"]
    # The headers of Windows are most of what is read, and have none of our numbers in them: once.
    if (root / "platform" / "src" / check / "headers.hpp").exists():
        system = work / "system.hpp"
        system.write_text(f"#include <{check}/headers.hpp>\n", encoding="utf-8")
        subprocess.run([*command, "-x", "c++-header", str(system), "-o", f"{system}.gch"],
                       check=True)
        command += ["-include", str(system)]

    def compiles(name, changed):
        here = work / name
        shutil.copytree(root / "platform" / "include", here)
        (here / f"weir/platform/abi_{table}.hpp").write_text(changed, encoding="utf-8")
        run = subprocess.run(
            [*command, f"-I{here}", "-c", str(source), "-o", str(here / "object")],
            capture_output=True, text=True)
        shutil.rmtree(here)
        return run.returncode == 0, run.stderr

    good, said = compiles("as_it_is", text)
    if not good:
        print(f"the table does not compile as it is:\n{said}")
        return 1

    def flip(entry):
        at, number, line = entry
        good, said = compiles(str(at), text[:at] + flipped(number) + text[at + len(number):])
        if good:
            return f"nothing noticed another {number} in: {line}"
        if " differs" not in said:
            return f"no message says what differs, for {number} in: {line}\n{said}"
        return None

    # A compiler of another architecture than this machine's is called by that name.
    called = " ".join(compiler)
    native = not re.search("x86_64-|aarch64-", called) and os.uname().machine == "aarch64"
    found = list(entries(text, native or "aarch64-" in called))
    with concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        complaints = [c for c in pool.map(flip, found) if c]
    for complaint in complaints:
        print(complaint)
    print(f"{len(found)} numbers of abi_{table}.hpp changed, {len(complaints)} got through")
    return 1 if complaints or len(found) < 60 else 0


if __name__ == "__main__":
    sys.exit(main())
