#!/usr/bin/env python3
"""The README's program and one over weir::tls, built as users would. One kind of use per run:

    vendored   add_subdirectory(weir); nothing of the host is touched
    installed  find_package(weir CONFIG) against an installed prefix that was moved afterwards
    pkgconfig  one compiler command with `pkg-config --cflags --libs weir`
    shared     weir as shared libraries: installed, found, and only exported names leave them
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\nexit code {done.returncode}")
    return done.stdout


def check(condition, message):
    if not condition:
        sys.exit(message)


def serves(program):
    """Starts what was built on a free port, and asks it what the README says it answers."""
    started = subprocess.Popen([str(program), "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        url = started.stdout.readline().strip()
        straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with straight.open(url, timeout=30) as answer:
            check(answer.read() == b"Hello, you!\n", f"{url} answers something else")
    finally:
        started.kill()
        started.wait()
        started.stdout.close()


def speaks(a, program):
    if a.tls:
        check(run(program).startswith("hello over mbedTLS 3."), f"{program} says something else")


def configure(a, source, build, *definitions):
    ccache = shutil.which("ccache")
    launcher = [f"-DCMAKE_CXX_COMPILER_LAUNCHER={ccache}", f"-DCMAKE_C_COMPILER_LAUNCHER={ccache}"]
    # What is built is a few calls old when it is thrown away: nobody debugs it.
    return run(a.cmake, "-G", "Ninja", "-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=Debug",
               "-DCMAKE_CXX_FLAGS_DEBUG=-O0", "-DCMAKE_C_FLAGS_DEBUG=-O0",
               f"-DCMAKE_CXX_COMPILER={a.compiler}", f"-DAPP_MAIN={a.main}",
               f"-DTLS_MAIN={a.tls or ''}", f"-DWEIR_TOP={a.top}", f"-DWEIR_VERSION={version()}",
               *definitions,
               *(launcher if ccache else []))


def version():
    return re.search(r"VERSION (\d+\.\d+\.\d+)", (SOURCE / "CMakeLists.txt").read_text())[1]


def install(a, build):
    """Installs and then moves the prefix: nothing in it may know where it was.

    What weir has built of others becomes part of its users' programs: with the licences."""
    run(a.cmake, "--install", build, "--prefix", a.work / "first", "--component", "weir")
    (a.work / "first").rename(a.work / "prefix")
    for file in (a.work / "prefix").rglob("*"):
        if file.suffix in (".cmake", ".pc"):
            check(str(a.work) not in file.read_text(), f"{file} holds an absolute path")
    built = {name for name in ("mbedtls", "simdjson", "utf8proc")
             if list(build.glob(f"*/libweir_{name}.a"))}
    shipped = {file.suffix[1:] for file in (a.work / "prefix").rglob("doc/weir/LICENSE.*")}
    check(built == shipped, f"built: {built}; with a licence in the prefix: {shipped}")
    return a.work / "prefix"


def vendored(a):
    build = a.work / "build"
    configure(a, HERE / "vendored", build, f"-DWEIR_DIR={SOURCE}", f"-DWEIR_DEPS_DIR={a.deps}")
    check(not list(build.rglob("CTestTestfile.cmake")), "weir switched testing on for its host")
    commands = json.loads((build / "compile_commands.json").read_text())
    # What weir adds to a library of others is that library's.
    ours = [c for c in commands if Path(c["file"]).is_relative_to(SOURCE)
            and not any(part in c["file"] for part in ("consumer", ".deps", "/tls/src/mbedtls/"))]
    check(ours, "no file of weir is compiled")
    for command in ours:
        words = command["command"].split()
        check("-DHOST_MARK" in words, f"the host's definitions do not reach {command['file']}")
        check("-DWEIR_STATIC" in words, "BUILD_SHARED_LIBS of the host changed weir")
        check(not [w for w in words if re.match(r"-W(?!l,)", w)],
              f"weir sets warnings when vendored: {words}")
    for command in commands:
        file, words = Path(command["file"]), command["command"].split()
        check(not file.is_relative_to(a.deps) or "-w" in words,
              f"the host's warnings are asked of {file}")
        check("consumer" not in str(file) or "mbedtls" not in command["command"],
              f"mbedTLS reaches those who use weir: {command['command']}")
    run(a.cmake, "--build", build)
    serves(build / "app")
    speaks(a, build / "app_tls")


def installed(a):
    prefix = install(a, a.build)
    configure(a, HERE / "installed", a.work / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run(a.cmake, "--build", a.work / "build")
    serves(a.work / "build" / "app")
    speaks(a, a.work / "build" / "app_tls")


def pkgconfig(a):
    prefix = install(a, a.build)
    pc = next(prefix.rglob("weir.pc"))
    # Before those of the machine, which may have what weir was built with.
    path = [str(pc.parent), *filter(None, [os.environ.get("PKG_CONFIG_PATH")])]
    environment = {**os.environ, "PKG_CONFIG_PATH": os.pathsep.join(path)}
    flags = run("pkg-config", "--cflags", "--libs", "weir", env=environment).split()
    check(run("pkg-config", "--modversion", "weir", env=environment).strip() == version(),
          "pkg-config tells another version")
    run(a.compiler, "-std=c++20", a.main, *flags, "-o", a.work / "app")
    serves(a.work / "app")
    if a.tls:
        run(a.compiler, "-std=c++20", a.tls, *flags, "-o", a.work / "app_tls")
        speaks(a, a.work / "app_tls")


def shared(a):
    build = a.work / "weir"
    configure(a, SOURCE, build, "-DWEIR_SHARED=ON", "-DWEIR_TESTS=OFF", "-DWEIR_APPS=OFF",
              f"-DWEIR_DEPS_DIR={a.deps}", "-DCMAKE_SHARED_LINKER_FLAGS=-Wl,--no-undefined")
    run(a.cmake, "--build", build)
    prefix = install(a, build)
    configure(a, HERE / "installed", a.work / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run(a.cmake, "--build", a.work / "build")
    check(not list(prefix.rglob("*.a")), "archives are installed beside shared libraries")
    linked = run("readelf", "-d", a.work / "build" / "app")
    check("libweir_" in linked, f"the program does not link shared weir:\n{linked}")
    serves(a.work / "build" / "app")
    speaks(a, a.work / "build" / "app_tls")
    for library in prefix.rglob("libweir_*.so"):
        names = run("nm", "-DC", "--defined-only", library)
        foreign = [n for n in names.splitlines()
                   if re.search(r" T ", n) and not re.search(r" T (weir::|.* for weir::)", n)
                   and " T _init" not in n and " T _fini" not in n]
        check(not foreign, f"{library.name} exports names that are not weir's: {foreign[:10]}")


def main():
    parser = argparse.ArgumentParser()
    kinds = {"vendored": vendored, "installed": installed, "pkgconfig": pkgconfig,
             "shared": shared}
    parser.add_argument("kind", choices=kinds)
    for name in ("cmake", "compiler", "top"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("build", "deps", "main", "work"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    parser.add_argument("--tls", type=Path, help="the program over weir::tls, if there is one")
    a = parser.parse_args()
    shutil.rmtree(a.work, ignore_errors=True)
    a.work.mkdir(parents=True)
    kinds[a.kind](a)
    shutil.rmtree(a.work)  # kept only when it failed


if __name__ == "__main__":
    main()
