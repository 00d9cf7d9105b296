#!/usr/bin/env python3
"""What the build refuses, and in which words: floors, backends, systems, dependencies.

Each case configures a toy project that includes the real files of cmake/.
"""
import hashlib
import os
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TOY = """cmake_minimum_required(VERSION 3.25)
project(toy VERSION 1.2.3 LANGUAGES {languages})
list(APPEND CMAKE_MODULE_PATH "{root}/cmake")
{body}
"""


class BuildRules(unittest.TestCase):
    def configure(self, body, *more, languages="NONE", files=(), flags=()):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        here = Path(folder.name)
        (here / "CMakeLists.txt").write_text(
            TOY.format(languages=languages, root=ROOT, body=body))
        for name, text in files:
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            (here / name).write_text(text)
        run = subprocess.run(["cmake", "-G", "Ninja", "-S", str(here), "-B", str(here / "build"),
                              *more, *flags], capture_output=True, text=True, check=False)
        # cmake wraps its messages: white space is not part of the wording.
        return run.returncode, " ".join((run.stdout + run.stderr).split())

    def refused(self, message, *arguments, **options):
        code, said = self.configure(*arguments, **options)
        self.assertNotEqual(0, code, said)
        self.assertIn(message, said)

    def accepted(self, message, *arguments, **options):
        code, said = self.configure(*arguments, **options)
        self.assertEqual(0, code, said)
        self.assertIn(message, said)

    def test_an_edge_that_goes_up_is_refused(self):
        self.refused("weir: platform may not depend on runtime: edges go down only",
                     "include(weir_floor)\nweir_floor(platform SOURCES p.cpp DEPENDS runtime)")
        self.refused("weir: net may not depend on net: edges go down only",
                     "include(weir_floor)\nweir_floor(net SOURCES n.cpp DEPENDS net)")
        self.refused("weir: http may not depend on attic: edges go down only",
                     "include(weir_floor)\nweir_floor(http SOURCES h.cpp DEPENDS attic)")

    def test_an_unknown_floor_is_refused(self):
        self.refused("weir: 'attic' is not a floor; the floors are",
                     "include(weir_floor)\nweir_floor(attic SOURCES a.cpp)")

    def test_a_word_that_weir_floor_does_not_know_is_refused(self):
        self.refused("weir_floor(platform): unknown words PUBLIC",
                     "include(weir_floor)\nweir_floor(platform PUBLIC SOURCES p.cpp)")

    def test_an_edge_that_goes_down_is_accepted(self):
        self.accepted(
            "Configuring done",
            "include(weir_floor)\n"
            "weir_floor(platform SOURCES p.cpp)\n"
            "weir_floor(runtime SOURCES r.cpp DEPENDS platform)",
            languages="CXX", files=[("p.cpp", ""), ("r.cpp", "")])

    def system(self, name):
        return f"set(CMAKE_SYSTEM_NAME {name})\n"

    def test_a_system_that_nobody_has_described_is_refused_by_name(self):
        for name in ("Haiku", "Android", "SunOS", "Emscripten"):
            self.refused(f"weir: nobody has described the system '{name}'",
                         self.system(name) + "include(weir_poller)")

    def test_32_bit_pointers_are_refused(self):
        self.refused("weir: nobody has described pointers of 4 bytes",
                     "set(CMAKE_SIZEOF_VOID_P 4)\ninclude(weir_poller)")

    def test_each_system_has_its_backend(self):
        for name, backend in [("Linux", "epoll"), ("Darwin", "kqueue"), ("FreeBSD", "kqueue"),
                              ("Windows", "iocp")]:
            show = "include(weir_poller)\nmessage(STATUS \"is ${WEIR_POLLER_RESOLVED}.\")"
            self.accepted(f"is {backend}.", self.system(name) + show)
            self.accepted(f"is {backend}.", self.system(name) + show, f"-DWEIR_POLLER={backend}")
            self.accepted("is sim.", self.system(name) + show, "-DWEIR_POLLER=sim")

    def test_a_backend_that_does_not_exist_here_is_refused(self):
        self.refused("weir: Linux has no iocp; its backend is epoll, or sim",
                     self.system("Linux") + "include(weir_poller)", "-DWEIR_POLLER=iocp")
        self.refused("weir: Windows has no epoll; its backend is iocp, or sim",
                     self.system("Windows") + "include(weir_poller)", "-DWEIR_POLLER=epoll")
        self.refused("weir: WEIR_POLLER is 'poll'; it can be auto, epoll, kqueue, iocp or sim",
                     "include(weir_poller)", "-DWEIR_POLLER=poll")

    # Dependencies: the toy is "weir" here, so its own lock file and folders are looked at.
    FIND = "include(dependencies)\n{}\nweir_find_utf8proc(t)\nmessage(STATUS \"is ${{t}}.\")"

    def test_the_hosts_own_target_is_taken_before_anything_is_looked_for(self):
        self.accepted("is utf8proc.",
                      "add_library(utf8proc INTERFACE)\n" + self.FIND.format(""),
                      "-DWEIR_DEPS_DIR=not-there")

    def test_a_source_that_is_missing_is_named_and_never_downloaded(self):
        self.refused("weir: utf8proc 2.8 was not found; run ci/bootstrap",
                     self.FIND.format('set(WEIR_URL_utf8proc "file:///not-to-be-read")'),
                     "-DWEIR_DEPS_DIR=not-there")

    def fetch(self, sum_of):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        here = Path(folder.name)
        (here / "utf8proc-9").mkdir()
        (here / "utf8proc-9" / "utf8proc.c").write_text("")
        with tarfile.open(here / "u.tar.gz", "w:gz") as tar:
            tar.add(here / "utf8proc-9", "utf8proc-9")
        digest = sum_of((here / "u.tar.gz").read_bytes())
        return (self.FIND.format(f'set(WEIR_URL_utf8proc "file://{here}/u.tar.gz")'),
                [("ci/dependencies.lock", f"# a comment\nutf8proc  9  {digest}\n")])

    def test_what_is_asked_for_is_fetched_when_its_sum_is_the_locked_one(self):
        body, files = self.fetch(lambda data: hashlib.sha256(data).hexdigest())
        self.accepted("is weir_utf8proc.", body, "-DWEIR_DEPS_DIR=not-there",
                      "-DWEIR_FETCH_DEPS=ON", languages="C", files=files)

    def test_a_tarball_with_another_sum_is_refused(self):
        body, files = self.fetch(lambda data: "0" * 64)
        self.refused("does not match expected value", body, "-DWEIR_DEPS_DIR=not-there",
                     "-DWEIR_FETCH_DEPS=ON", languages="C", files=files)

    # mbedTLS: a stand-in for an installed package, over the real headers where they are at hand.
    # One that this machine may have is kept out.
    FIND_MBEDTLS = ("set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)\n"
                    "set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)\n"
                    "set(CMAKE_FIND_USE_CMAKE_ENVIRONMENT_PATH OFF)\n"
                    "include(dependencies)\nweir_find_mbedtls(t)\nmessage(STATUS \"is ${t}.\")")

    def find_mbedtls(self, version, settings=""):
        headers = Path(os.environ.get("WEIR_DEPS_DIR", ROOT / ".deps")) / "mbedtls" / "include"
        if not headers.is_dir():
            self.skipTest("no source of mbedTLS here")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        package = Path(folder.name)
        (package / "MbedTLSConfig.cmake").write_text(
            "add_library(MbedTLS::mbedcrypto INTERFACE IMPORTED)\n"
            f"target_include_directories(MbedTLS::mbedcrypto INTERFACE {headers} {package})\n"
            "target_compile_definitions(MbedTLS::mbedcrypto INTERFACE "
            "MBEDTLS_USER_CONFIG_FILE=\"settings.h\")\n")
        (package / "MbedTLSConfigVersion.cmake").write_text(
            f"set(PACKAGE_VERSION {version})\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n"
            f"if({version} VERSION_LESS PACKAGE_FIND_VERSION_MIN OR NOT {version} VERSION_LESS "
            "PACKAGE_FIND_VERSION_MAX)\n  set(PACKAGE_VERSION_COMPATIBLE FALSE)\nendif()\n")
        (package / "settings.h").write_text(settings)
        required = "tls/src/required_configuration.hpp"
        return {"body": self.FIND_MBEDTLS, "languages": "C CXX",
                "files": [(required, (ROOT / required).read_text())],
                "flags": [f"-DMbedTLS_DIR={package}", "-DWEIR_DEPS_DIR=not-there"]}

    def test_an_installed_mbedtls_that_does_not_fit_is_refused_in_words(self):
        # As its project ships it.
        package = self.find_mbedtls("3.6.7")
        self.refused("set CMAKE_DISABLE_FIND_PACKAGE_MbedTLS=ON to build a pinned one", **package)
        self.refused("weir: build mbedTLS with MBEDTLS_THREADING_C", **package)

    def test_an_installed_mbedtls_that_fits_is_taken(self):
        self.accepted("is MbedTLS::mbedtls;MbedTLS::mbedx509;MbedTLS::mbedcrypto.",
                      **self.find_mbedtls("3.6.7", "#define MBEDTLS_THREADING_C\n"
                                          "#define MBEDTLS_THREADING_PTHREAD\n"
                                          "#undef MBEDTLS_SSL_RENEGOTIATION\n"))

    def test_an_installed_mbedtls_that_is_too_old_or_too_new_is_not_looked_at(self):
        for version in ("3.6.5", "4.0.0"):
            self.refused("weir: mbedTLS 3.6.6 was not found", **self.find_mbedtls(version))

    def test_the_mbedtls_of_the_host_is_taken_before_anything_is_looked_for(self):
        self.accepted("is MbedTLS::mbedtls;MbedTLS::mbedx509;MbedTLS::mbedcrypto.",
                      "add_library(MbedTLS::mbedtls INTERFACE IMPORTED)\n" + self.FIND_MBEDTLS,
                      "-DWEIR_DEPS_DIR=not-there")

    def test_simdjson_is_not_looked_for_when_json_is_off(self):
        self.refused("weir: simdjson is asked for, but WEIR_JSON is OFF",
                     "include(dependencies)\nset(WEIR_JSON OFF)\nweir_find_simdjson(t)")


if __name__ == "__main__":
    unittest.main()
