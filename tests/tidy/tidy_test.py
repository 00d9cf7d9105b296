#!/usr/bin/env python3
"""ci/tidy finds what it claims to: every rule has an offence that must be reported, with its rule
and its line, and a clean twin that must not be.

In a snippet the offending line is marked with `@` at its end; the mark is taken away before the
snippet is written to a file. Words that ci/tidy forbids in every file are joined at run time.
"""
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TIDY = Path(__file__).resolve().parents[2] / "ci" / "tidy"

HEADER = "// {} - a header.\n#pragma once\n"


def header(name, body):
    return HEADER.format(name) + body


def coroutine(body):
    return "weir::runtime::task<int> run() {\n" + body + "\n  co_return 0;\n}\n"


CORO = "runtime/src/a.cpp"
SLASH = "/"

# rule, path, offence, clean twin
CASES = [
    ("floor-order", "platform/src/a.cpp",
     "#include <weir/platform/error.hpp>\n#include <weir/runtime/task.hpp>@\n",
     "#include <weir/platform/error.hpp>\n// #include <weir/runtime/task.hpp>\n"),
    ("floor-order", "net/src/a.cpp",
     '#include "../../runtime/src/frame_pool.hpp"@\n', '#include "socket_pair.hpp"\n'),
    ("floor-order", "http/include/weir/http/a.hpp",
     header("http/a.hpp", "#include <weir/instrument/probe.hpp>@\n"),
     header("http/a.hpp", "#include <weir/runtime/task.hpp>\n")),
    ("http-no-socket", "http/src/connection.cpp",
     "#include <weir/net/tcp.hpp>@\n", "#include <weir/runtime/byte_stream.hpp>\n"),
    ("http-no-socket", "http/src/head.cpp",
     "#include <weir/tls/engine.hpp>@\n", "/* #include <weir/tls/engine.hpp> */\n"),
    ("system-header", "net/src/a.cpp",
     "#include <vector>\n  #  include <sys/socket.h>@\n",
     '#include <vector>\nconst char* s = "#include <sys/socket.h>";\n'),
    ("system-header", "http/src/a.cpp", "#include <unistd.h>@\n", "#include <cstring>\n"),
    ("system-header", "tests/net/a_test.cpp", "#include <netinet/tcp.h>@\n",
     "#include <weir/net/tcp.hpp>\n"),
    ("system-header", "tests/support/probe.cpp", "#include <arpa/inet.h>@\n", "#include <span>\n"),
    ("system-header", "runtime/src/a.cpp", "#include <pthread.h>@\n", "#include <thread>\n"),
    ("system-header", "instrument/src/a.cpp", "#include <winsock2.h>@\n",
     "#include <emmintrin.h>\n"),
    ("system-header", "net/src/b.cpp", "#include <csignal>@\n", "#include <cstdint>\n"),
    ("system-header", "http/src/b.cpp", "#include <signal.h>@\n", "#include <atomic>\n"),
    ("system-header", "platform/include/weir/platform/a.hpp",
     header("platform/a.hpp", "#include <poll.h>@\n"), header("platform/a.hpp", "")),
    ("third-party", "http/src/a.cpp", "#include <mbedtls/ssl.h>@\n", "#include <simdjson.h>\n"),
    ("third-party", "http/src/c.cpp", "#include <CLI/CLI.hpp>@\n", "#include <map>\n"),
    ("header-diet", "runtime/include/weir/runtime/a.hpp",
     header("runtime/a.hpp", "#include <chrono>@\n"),
     header("runtime/a.hpp", "#include <weir/platform/time.hpp>\n")),
    ("header-diet", "net/include/weir/net/a.hpp",
     header("net/a.hpp", "#include <format>@\n"), header("net/a.hpp", "#include <string>\n")),
    ("header-diet", "net/include/weir/net/b.hpp",
     header("net/b.hpp", '#include "private.hpp"@\n'), header("net/b.hpp", "#include <span>\n")),
    ("header-diet", "http/include/weir/http/b.hpp",
     header("http/b.hpp", "#include <simdjson.h>@\n"), header("http/b.hpp", "")),
    ("opening-line", "net/include/weir/net/a.hpp",
     "// what it is@\n#pragma once\n", header("net/a.hpp", "")),
    ("opening-line", "net/src/a.hpp", "// net/a.hpp - no guard@\n", header("net/a.hpp", "")),
    ("columns", "net/src/a.cpp", "// " + "x" * 98 + "@\n", "// " + "\u00e9" * 97 + "\n"),
    ("trailing-space", "net/src/a.cpp", "int a; @\n", "int a;\n"),
    ("machine-path", "docs/a.md", "see\n" + SLASH + "home/me/weir@\n",
     "see ~/weir, a/home/b and docs" + SLASH + "work/x\n"),
    ("registry-host", "ci/a.sh", "curl http://packages." + "somewhere.org/x@\n", "curl $mirror\n"),
    ("left-over", "net/src/a.cpp", "// FIX" + "ME later@\n", "// prefixmelike\n"),
    ("fence", "docs/a.md", "Text:\n```c++@\nint a;\n```\n", "Text:\n```cpp\nint a;\n```\n"),
    ("long-file", "net/src/a.cpp", "int a;@\n" + "int b;\n" * 600, "int b;\n" * 600),
    ("mode", "ci/a", "#!/bin/sh@\necho\n", "echo\n"),
    # coroutines
    ("await-twice", CORO,
     coroutine("  const int a =\n      co_await f() +\n      co_await g();@"),
     coroutine("  const int a = co_await f();\n  const int b = co_await g();\n"
               "  if (co_await f()) x = co_await g();")),
    ("await-twice", CORO,
     coroutine("  if (co_await f() &&\n      co_await g()) stop();@"),
     coroutine("  // co_await co_await\n  if (co_await f()) {\n    x = co_await g();\n  }")),
    ("await-twice", CORO,
     coroutine("  co_await co_await f();@"),
     coroutine('  log("co_await co_await"); co_await f();\n'
               "  for (co_await a(); co_await b(); co_await c()) co_await d();")),
    ("await-in-macro", "tests/runtime/a_test.cpp",
     coroutine("  REQUIRE(\n      co_await f() == 1);@"),
     coroutine("  const int a = co_await f();\n  REQUIRE(a == 1);")),
    ("await-in-macro", "tests/runtime/a_test.cpp",
     coroutine("  CHECK_FALSE(co_await f());@"),
     coroutine("  // CHECK(co_await f())\n  CHECK_FALSE(seen);")),
    ("await-in-macro", CORO,
     coroutine("  WEIR_ASSERT((co_await f()).ok());@"),
     coroutine("  const auto r = co_await f();\n  WEIR_ASSERT(r.ok());")),
    ("await-in-conditional", CORO,
     coroutine("  const int a = ready\n      ? co_await f()@\n      : 0;"),
     coroutine("  int a = 0;\n  if (ready) a = co_await f();\n  a = ready ? 1 : 0;")),
    ("await-in-conditional", CORO,
     coroutine("  const int a = ready ? 0 :\n      (co_await f()).value();@"),
     coroutine("  const int n = ready ? 0 : 1;\n  co_await f(n);")),
    ("await-in-conditional", CORO,
     coroutine("  co_return co_await f() ? 1 : 2;@"),
     coroutine("  const bool b = co_await f();\n  co_return b ? 1 : 2;")),
    ("await-in-braces", CORO,
     coroutine("  point p{\n      co_await f(),@\n      2};"),
     coroutine("  const int x = co_await f();\n  point p{x, 2};")),
    ("await-in-braces", CORO,
     coroutine("  co_return std::string{co_await f()};@"),
     coroutine("  {\n    co_await f();\n  }\n  do { co_await f(); } while (more());")),
    ("await-in-braces", CORO,
     coroutine("  int a[] = {1, co_await f()};@"),
     coroutine("  switch (x) {\n    case 1: {\n      co_await f();\n    }\n  }")),
    ("await-in-argument", CORO,
     coroutine("  use(1,\n      co_await f());@"),
     coroutine("  const int a = co_await f();\n  use(1, a);\n"
               "  static_cast<void>(co_await f());\n  const int b = (co_await f());")),
    ("await-in-argument", CORO,
     coroutine("  send(peer,\n       (co_await f()).value());@"),
     coroutine("  while (co_await f()) co_await g(peer, 1);\n  switch (co_await f()) {}")),
    ("await-binding", CORO,
     coroutine("  const auto& [a,\n      b] =\n      co_await f();@"),
     coroutine("  const pair_of_ints p = co_await f();\n  const auto& [a, b] = p;")),
    ("await-beside-lambda", CORO,
     coroutine("  co_await run_on(pool,\n      [n]@ { return n; });"),
     coroutine("  const auto job = [n] { return n; };\n  co_await run_on(pool, job);\n"
               "  co_await run_on(pool, [] { return 1; });\n  co_await f(table[n]);")),
    ("await-beside-lambda", CORO,
     coroutine("  const int x = co_await [&](int a) { return f(a); }(2);@"),
     coroutine("  const int x = co_await f(2);\n  std::sort(b, e, [&](int a) { return a < x; });")),
    ("lambda-coroutine", CORO,
     "void f(int n) {\n  auto job = [n]() -> task<int> {@\n    co_return n;\n  };\n}\n",
     "void f(int n) {\n  auto job = [](int m) -> task<int> { co_return m; };\n  go(job(n));\n}\n"),
    ("lambda-coroutine", CORO,
     "void f() {\n  spawn([this] {@\n    if (x) {\n      co_await g();\n    }\n  });\n}\n",
     "void f() {\n  spawn([this] {\n    go([](int n) -> task<int> { co_return n; });\n  });\n}\n"),
    ("lambda-coroutine", CORO,
     "void f() {\n  nursery.start([=]() -> weir::runtime::task<void> { co_await g(); });@\n}\n",
     "void f() {\n  nursery.start(g());\n  const auto x = a[0];\n}\n"),
]

# Shapes that a line-based or careless net would report.
CLEAN = [
    ("ordinary coroutine", CORO, """
namespace weir::runtime {
template <class T>
  requires std::movable<T>
struct box : base<T> {
  box(T v) : value_{std::move(v)}, n_(0) {}
  T& get() & noexcept { return value_; }
  task<T> take() const& {
    const T a = co_await one();
    const T b = co_await two();
    co_return a + b;
  }
  T value_{};
};
task<error> serve(stream& s) {
  for (int i = 0; i < 3; ++i) {
    if (i == 2) [[unlikely]] {
      result<int> got = co_await s.read(std::span(head_).subspan(used_));
      if (!got.ok()) co_return got.why();
    } else if (co_await more()) {
      co_await s.write("a ? b : c {");
    }
    switch (state_) {
      case state::first: co_await a(); break;
      case state::second: co_await b(); break;
      default: break;
    }
  }
  const limits l{.head = 1, .body = {2, 3}};
  const int x = l.head ? 1 : 2;
  co_await f(l, x);
  for (const auto& [key, value] : table) co_await g(key, value);
  co_return error{errc::limit, "requests_max"};
}
}  // namespace weir::runtime
"""),
    ("raw strings, digit separators, comments", CORO, '''
const char* page = R"x(CHECK(co_await f()) // { [n] { co_await )x";
int n = 1'000'000;  // don't
char c = '{'; /* co_await ? a
 : b */
task<int> f() { co_return 'a' + '"'; }
'''),
    ("system headers at home", "platform/src/epoll.cpp",
     "#include <sys/epoll.h>\n#include <unistd.h>\n"),
    ("a raw probe may use sockets", "tests/support/raw_probe.cpp", "#include <sys/socket.h>\n"),
    ("the kqueue twin is made of system calls", "tests/support/kqueue_twin/kqueue_twin.cpp",
     "#include <sys/epoll.h>\n"),
    ("signals belong to the program", "apps/weir/main.cpp", "#include <csignal>\n"),
    ("mbedTLS behind its floor", "tls/src/engine.cpp", "#include <mbedtls/ssl.h>\n"),
    ("the server file names net", "http/src/server.cpp", "#include <weir/net/tcp.hpp>\n"),
    ("a reason allows", "net/src/a.cpp",
     "#include <unistd.h>  // tidy-allow: system-header - shows the escape hatch\n"),
]
STILL_FOUND = [  # the escape hatch needs the right rule and a reason
    ("system-header", "net/src/a.cpp", "#include <unistd.h>  // tidy-allow: system-header@\n"),
    ("system-header", "net/src/a.cpp", "#include <unistd.h>  // tidy-allow: columns - why@\n"),
]


def tidy(path, text, executable=False):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755 if executable else 0o644)
        run = subprocess.run([sys.executable, str(TIDY), folder], capture_output=True, text=True,
                             check=False)
    found = [re.match(r"(.+?):(\d+): ([\w-]+): ", line) for line in run.stdout.splitlines()]
    return run.returncode, [(m[1], int(m[2]), m[3]) for m in found], run.stderr


def unmark(marked):
    line = marked[:marked.index("@")].count("\n") + 1
    return marked.replace("@", "", 1), line


class Tidy(unittest.TestCase):
    def offence(self, rule, path, marked):
        text, line = unmark(marked)
        code, found, stderr = tidy(path, text)
        self.assertEqual((1, [(path, line, rule)]), (code, found), f"{text}\n{stderr}")

    def clean(self, path, text, executable=False):
        code, found, stderr = tidy(path, text, executable)
        self.assertEqual((0, []), (code, found), f"{text}\n{stderr}")

    def test_each_planted_offence_is_reported_once_with_rule_and_line(self):
        for rule, path, offence, _ in CASES:
            with self.subTest(rule=rule, offence=offence):
                self.offence(rule, path, offence)

    def test_each_clean_twin_passes(self):
        for rule, path, _, twin in CASES:
            with self.subTest(rule=rule, twin=twin):
                self.clean(path, twin)

    def test_shapes_that_only_look_like_offences_pass(self):
        for name, path, text in CLEAN:
            with self.subTest(name):
                self.clean(path, text)

    def test_an_allowance_names_its_rule_and_a_reason(self):
        for rule, path, marked in STILL_FOUND:
            with self.subTest(marked):
                self.offence(rule, path, marked)

    def test_modes(self):
        self.clean("ci/run", "#!/bin/sh\n", executable=True)
        _, found, _ = tidy("net/src/a.cpp", "int a;\n", executable=True)
        self.assertEqual([("net/src/a.cpp", 1, "mode")], found)

    def test_every_rule_has_an_offence_here(self):
        source = TIDY.read_text(encoding="utf-8")
        rules = set(re.findall(r'yield (?:[\w.\[\]-]+, )?"([a-z-]+)"', source))
        rules |= set(re.findall(r'\.at, "([a-z-]+)"', source))
        planted = {rule for rule, _, _, _ in CASES} | {"encoding"}
        self.assertGreater(len(rules), 15)
        self.assertEqual(set(), rules - planted)

    def test_bytes_that_are_no_text_are_named(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.md").write_bytes(b"caf\xe9\n")
            run = subprocess.run([sys.executable, str(TIDY), folder], capture_output=True,
                                 text=True, check=False)
        self.assertEqual((1, "a.md:1: encoding: not UTF-8\n"), (run.returncode, run.stdout))


if __name__ == "__main__":
    unittest.main()
