// platform/file.hpp - only regular files, and nothing outside the folder, however it is asked for.
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <thread>

#include <catch_amalgamated.hpp>

#include <weir/platform/file.hpp>
#include <weir/platform/random.hpp>

#include "support/raw_system.hpp"

namespace fs = std::filesystem;
using weir::beneath;
using weir::directory_root;
using weir::errc;
using weir::file;
using namespace std::string_view_literals;

namespace {

// A folder of our own, gone at the end: root/ is served, secret.txt beside it is not.
struct playground {
  playground() {
    std::array<std::byte, 8> bytes{};
    REQUIRE_FALSE(weir::system_random().fill(bytes));
    std::string name = "weir_file_";
    for (const std::byte b : bytes) name += static_cast<char>('a' + std::to_integer<int>(b) % 26);
    folder = fs::temp_directory_path() / name;
    fs::create_directories(folder / "root" / "sub" / "deep");
    write("secret.txt", "secret");
    write("root/hello.txt", "hello, world");
    write("root/sub/page.html", "<p>page</p>");
    write("root/sub/deep/leaf", "leaf");
    write("root/empty", "");
  }
  ~playground() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  void write(const char* name, std::string_view text) const {
    std::ofstream out(folder / name, std::ios::binary);
    out << text;
  }
  std::string path(const char* name) const { return (folder / name).string(); }

  fs::path folder;
};

std::string content(const file& f) {
  std::string text(static_cast<std::size_t>(f.size()), '\0');
  const weir::result<std::size_t> got =
      f.read_at(0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
  REQUIRE(got.ok());
  text.resize(got.value());
  return text;
}

std::string read(const directory_root& root, std::string_view path) {
  const weir::result<file> f = root.open_beneath(path);
  return f.ok() ? content(f.value()) : std::string("! ") + to_string(f.why().code);
}

}  // namespace

TEST_CASE("file: opens, measures and reads at any offset", "[platform]") {
  const playground p;
  const weir::result<file> opened = file::open_read(p.path("root/hello.txt"));
  REQUIRE(opened.ok());
  const file& f = opened.value();
  CHECK(f.size() == 12);
  CHECK(content(f) == "hello, world");
  std::array<std::byte, 5> part{};
  CHECK(f.read_at(7, part).value() == 5);
  CHECK(weir::as_text(part) == "world");
  CHECK(f.read_at(10, part).value() == 2);
  CHECK(f.read_at(12, part).value() == 0);
  CHECK(f.read_at(1'000'000, part).value() == 0);
  CHECK_FALSE(f.read_at(std::numeric_limits<std::uint64_t>::max(), part).ok());
  const auto written = fs::last_write_time(fs::path(p.path("root/hello.txt")));
  const auto age = fs::file_time_type::clock::now() - written;
  CHECK(std::chrono::duration_cast<std::chrono::hours>(age).count() == 0);
  CHECK(f.modified_unix_seconds() > 1'600'000'000);
}

TEST_CASE("file: the same file has one identity, another file another", "[platform]") {
  const playground p;
  const file a = std::move(file::open_read(p.path("root/hello.txt"))).value();
  const file b = std::move(file::open_read(p.path("root/hello.txt"))).value();
  const file c = std::move(file::open_read(p.path("root/empty"))).value();
  CHECK(a.identity() == b.identity());
  CHECK(a.identity() != c.identity());
}

TEST_CASE("file: moving hands the handle over, closing twice is harmless", "[platform]") {
  const playground p;
  file a = std::move(file::open_read(p.path("root/hello.txt"))).value();
  file b = std::move(a);
  CHECK(b.is_open());
  CHECK(content(b) == "hello, world");
  b = std::move(file::open_read(p.path("root/empty"))).value();
  CHECK(content(b).empty());
  b.close();
  b.close();
  CHECK_FALSE(b.is_open());
}

TEST_CASE("file: what is missing, a folder or no path at all says so", "[platform]") {
  const playground p;
  CHECK(file::open_read(p.path("root/none")).why() == errc::not_found);
  CHECK(file::open_read(p.path("none/none")).why() == errc::not_found);
  CHECK(file::open_read(p.path("root")).why() == errc::not_regular);
  CHECK(file::open_read("").why() == errc::invalid);
  CHECK(file::open_read(std::string(100'000, 'a')).why() == errc::invalid);
  CHECK(file::open_read(p.path("root/hello.txt") + '\0' + "x").why() == errc::invalid);
}

TEST_CASE("folder: opens what is beneath it", "[platform]") {
  const playground p;
  for (const beneath how : {beneath::system, beneath::by_component}) {
    const directory_root root = std::move(directory_root::open(p.path("root"), how)).value();
    CHECK(read(root, "hello.txt") == "hello, world");
    CHECK(read(root, "sub/page.html") == "<p>page</p>");
    CHECK(read(root, "sub/deep/leaf") == "leaf");
    CHECK(read(root, "empty").empty());
    CHECK(read(root, "none") == "! not_found");
    CHECK(read(root, "none/none") == "! not_found");
    CHECK(read(root, "hello.txt/none") == "! not_found");
    CHECK(read(root, "sub") == "! not_regular");
    CHECK(read(root, "sub/deep") == "! not_regular");
  }
}

TEST_CASE("folder: no path text leaves it", "[platform]") {
  const playground p;
  for (const beneath how : {beneath::system, beneath::by_component}) {
    const directory_root root = std::move(directory_root::open(p.path("root"), how)).value();
    const std::string absolute = p.path("secret.txt");
    for (const std::string_view path :
         {std::string_view(absolute), ""sv, "/"sv, "."sv, ".."sv, "../secret.txt"sv,
          "sub/../../secret.txt"sv, "sub/../hello.txt"sv, "./hello.txt"sv, "sub/.."sv,
          "/hello.txt"sv, "//hello.txt"sv, "sub//page.html"sv, "hello.txt/"sv, "sub/"sv,
          "hello.txt\0.png"sv, "\0"sv}) {
      INFO(path);
      CHECK(read(root, path) == "! invalid");
    }
    CHECK(read(root, std::string(100'000, 'a')) == "! invalid");
    std::string deep = "a";
    for (int i = 0; i < 100; ++i) deep += "/a";
    CHECK(read(root, deep) == "! invalid");
  }
}

TEST_CASE("folder: what cannot be served is refused when it is opened", "[platform]") {
  const playground p;
  CHECK(directory_root::open(p.path("none")).why() == errc::not_found);
  CHECK(directory_root::open(p.path("secret.txt")).why() == errc::not_found);
  CHECK(directory_root::open("").why() == errc::invalid);
}

#if defined(_WIN32)

TEST_CASE("folder: names that Windows reads as something else are refused", "[platform]") {
  const playground p;
  const directory_root root = std::move(directory_root::open(p.path("root"))).value();
  for (const std::string_view path :
       {"..\\secret.txt", "sub\\page.html", "C:hello.txt", "hello.txt:stream", "hello.txt::$DATA",
        "NUL", "nul.txt", "sub/COM1", "lpt9.log", "CON", "aux .txt", "hello.txt.", "hello.txt ",
        "a?", "a*", "\\\\.\\pipe\\x"}) {
    INFO(path);
    CHECK(read(root, path) == "! invalid");
  }
}

#else

TEST_CASE("folder: a link that leads out is refused, whatever it is called", "[platform]") {
  const playground p;
  fs::create_symlink("../secret.txt", p.folder / "root" / "out.txt");
  fs::create_symlink(p.folder / "secret.txt", p.folder / "root" / "absolute.txt");
  fs::create_directory_symlink("..", p.folder / "root" / "up");
  fs::create_directory_symlink("/", p.folder / "root" / "slash");
  fs::create_symlink("loop", p.folder / "root" / "loop");
  fs::create_directory_symlink("/proc/self/root", p.folder / "root" / "magic");
  for (const beneath how : {beneath::system, beneath::by_component}) {
    const directory_root root = std::move(directory_root::open(p.path("root"), how)).value();
    for (const std::string_view path : {"out.txt", "absolute.txt", "up/secret.txt",
                                        "slash/etc/passwd", "loop", "magic/etc/passwd"}) {
      INFO(path);
      CHECK(read(root, path) == "! permission");
    }
  }
}

TEST_CASE("folder: a link that stays inside is followed by the kernel's check, and only by it",
          "[platform]") {
  const playground p;
  fs::create_symlink("hello.txt", p.folder / "root" / "same.txt");
  fs::create_directory_symlink("sub", p.folder / "root" / "alias");
  const directory_root strict =
      std::move(directory_root::open(p.path("root"), beneath::by_component)).value();
  CHECK(read(strict, "same.txt") == "! permission");
  CHECK(read(strict, "alias/page.html") == "! permission");
#if defined(__linux__)
  const directory_root root = std::move(directory_root::open(p.path("root"))).value();
  const std::string same = read(root, "same.txt");
  // A kernel or container without openat2 falls back to the strict way: also right.
  CHECK((same == "hello, world" || same == "! permission"));
  CHECK(read(root, "alias/page.html") == (same == "hello, world" ? "<p>page</p>" : same));
#endif
}

TEST_CASE("folder: a link in place of the last name is refused by open_read when asked to",
          "[platform]") {
  const playground p;
  fs::create_symlink("hello.txt", p.folder / "root" / "same.txt");
  CHECK(file::open_read(p.path("root/same.txt")).ok());
  CHECK(file::open_read(p.path("root/same.txt"), weir::follow_links::no).why() == errc::permission);
}

TEST_CASE("folder: a FIFO or a socket in it neither hangs the server nor opens", "[platform]") {
  const playground p;
  const std::string path = p.path("root/sock");
  REQUIRE(weir::test::make_fifo(p.path("root/fifo")));
  REQUIRE(weir::test::make_socket_file(path));
  for (const beneath how : {beneath::system, beneath::by_component}) {
    const directory_root root = std::move(directory_root::open(p.path("root"), how)).value();
    CHECK(read(root, "fifo") == "! not_regular");
    CHECK(read(root, "sock") == "! not_regular");
  }
  CHECK(file::open_read(path).why() == errc::not_regular);
  CHECK(file::open_read(p.path("root/fifo")).why() == errc::not_regular);
  CHECK(file::open_read("/dev/null").why() == errc::not_regular);
}

TEST_CASE("file: one that others may use says so", "[platform]") {
  const playground p;
  const std::string path = p.path("root/hello.txt");
  for (const unsigned mode : {0600u, 0400u, 0700u}) {
    fs::permissions(path, fs::perms(mode));
    CHECK_FALSE(file::open_read(path).value().open_to_others());
  }
  for (const unsigned mode : {0640u, 0620u, 0610u, 0604u, 0602u, 0601u, 0644u}) {
    fs::permissions(path, fs::perms(mode));
    CHECK(file::open_read(path).value().open_to_others());
  }
}

TEST_CASE("folder: what the user may not read is refused", "[platform]") {
  const playground p;
  fs::create_directories(p.folder / "root" / "closed");
  p.write("root/closed/inner", "inner");
  p.write("root/locked", "locked");
  fs::permissions(p.folder, fs::perms(0755));
  fs::permissions(p.folder / "root", fs::perms(0755));
  fs::permissions(p.folder / "root" / "locked", fs::perms::none);
  fs::permissions(p.folder / "root" / "closed", fs::perms::none);
  // Root may read everything, so a child gives root up before it tries. Each bit that it returns
  // is an expectation that did not hold.
  const int wrong = weir::test::run_without_root([&p] {
    int bits = 0;
    for (const beneath how : {beneath::system, beneath::by_component}) {
      const weir::result<directory_root> root = directory_root::open(p.path("root"), how);
      if (!root.ok()) return 64;
      if (!root.value().open_beneath("hello.txt").ok()) bits |= 1;
      if (root.value().open_beneath("locked").why().code != errc::permission) bits |= 2;
      if (root.value().open_beneath("closed/inner").why().code != errc::permission) bits |= 4;
    }
    if (directory_root::open(p.path("root/closed")).why().code != errc::permission) bits |= 8;
    if (file::open_read(p.path("root/locked")).why().code != errc::permission) bits |= 16;
    return bits;
  });
  fs::permissions(p.folder / "root" / "closed", fs::perms(0700));
  CHECK(wrong == 0);
}

TEST_CASE("folder: a folder that is swapped for a link while it is asked for gives nothing away",
          "[platform]") {
  const playground p;
  fs::create_directories(p.folder / "outside");
  p.write("outside/page.html", "secret");
  const fs::path inside = p.folder / "root" / "sub";
  const fs::path parked = p.folder / "root" / "parked";
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    while (!stop.load()) {
      std::error_code ignored;
      fs::rename(inside, parked, ignored);
      fs::create_directory_symlink("../outside", inside, ignored);
      fs::remove(inside, ignored);
      fs::rename(parked, inside, ignored);
    }
  });
  int served = 0;
  int refused = 0;
  bool leaked = false;
  for (const beneath how : {beneath::system, beneath::by_component}) {
    const directory_root root = std::move(directory_root::open(p.path("root"), how)).value();
    for (int i = 0; i < 4'000; ++i) {
      const std::string text = read(root, "sub/page.html");
      leaked = leaked || text == "secret";
      if (text == "<p>page</p>") ++served;
      if (text == "! not_found" || text == "! permission") ++refused;
    }
  }
  stop.store(true);
  swapper.join();
  CHECK_FALSE(leaked);
  CHECK(served + refused == 8'000);
}

TEST_CASE("file: a handle is not inherited by a program that is started", "[platform]") {
  const playground p;
  const file f = std::move(file::open_read(p.path("root/hello.txt"))).value();
  const std::string command =
      "test ! -e /dev/fd/" + std::to_string(static_cast<int>(f.native_handle()));
  CHECK(std::system(command.c_str()) == 0);
}

#endif
