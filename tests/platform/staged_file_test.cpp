// platform/staged_file.hpp - whole or not at all, for one owner, over nobody else's file.
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>

#include <catch_amalgamated.hpp>

#include <weir/platform/file.hpp>
#include <weir/platform/random.hpp>
#include <weir/platform/staged_file.hpp>

namespace fs = std::filesystem;
using weir::errc;
using weir::replace_existing;
using weir::staged_file;

namespace {

struct empty_folder {
  empty_folder() {
    std::array<std::byte, 8> bytes{};
    REQUIRE_FALSE(weir::system_random().fill(bytes));
    std::string name = "weir_staged_";
    for (const std::byte b : bytes) name += static_cast<char>('a' + std::to_integer<int>(b) % 26);
    at = fs::temp_directory_path() / name;
    fs::create_directories(at);
  }
  ~empty_folder() {
    std::error_code ignored;
    fs::remove_all(at, ignored);
  }
  std::string path(const char* name) const { return (at / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(at), {}));
  }
  std::string content(const char* name) const {
    std::ifstream in(at / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path at;
};

staged_file written(const std::string& path, std::string_view text) {
  weir::result<staged_file> made = staged_file::write(path, text);
  INFO(made.why().where << " " << made.why().os_code);
  REQUIRE(made.ok());
  return std::move(made).value();
}

}  // namespace

TEST_CASE("a staged file has no name until it is published, and then all of it", "[platform]") {
  const empty_folder folder;
  const std::string text(300'000, 'x');
  staged_file one = written(folder.path("key"), text);
  CHECK_FALSE(fs::exists(folder.path("key")));
  CHECK_FALSE(one.publish(replace_existing::no));
  CHECK(folder.content("key") == text);
  CHECK(folder.files() == 1);
}

TEST_CASE("a staged file that is forgotten leaves nothing", "[platform]") {
  const empty_folder folder;
  {
    const staged_file one = written(folder.path("key"), "secret");
    CHECK(folder.files() == 1);
  }
  CHECK(folder.files() == 0);
  {
    staged_file one = written(folder.path("key"), "secret");
    staged_file other = written(folder.path("other"), "text");
    other = std::move(one);
    CHECK(folder.files() == 1);
    CHECK_FALSE(other.publish(replace_existing::no));
  }
  CHECK(folder.files() == 1);
}

TEST_CASE("what is there is not replaced unless that was asked for", "[platform]") {
  const empty_folder folder;
  staged_file first = written(folder.path("key"), "first");
  staged_file second = written(folder.path("key"), "second");
  REQUIRE_FALSE(first.publish(replace_existing::no));
  CHECK(second.publish(replace_existing::no) == errc::exists);
  CHECK(folder.content("key") == "first");
  CHECK_FALSE(second.publish(replace_existing::yes));
  CHECK(folder.content("key") == "second");
  CHECK(folder.files() == 1);

  fs::create_directory(folder.path("taken"));
  staged_file third = written(folder.path("taken"), "third");
  CHECK(third.publish(replace_existing::no));
  CHECK(third.publish(replace_existing::yes));
  CHECK(fs::is_directory(folder.path("taken")));
}

// Windows does not give away a name that is open: a server was reading its certificate when a new
// one was made.
TEST_CASE("who reads what is replaced holds it up, and does not prevent it", "[platform]") {
  const empty_folder folder;
  staged_file first = written(folder.path("key"), "first");
  staged_file second = written(folder.path("key"), "second");
  REQUIRE_FALSE(first.publish(replace_existing::no));
  weir::result<weir::file> opened = weir::file::open_read(folder.path("key"));
  REQUIRE(opened.ok());
  std::thread reader([held = std::move(opened).value()]() mutable {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    held = weir::file();
  });
  const weir::error why = second.publish(replace_existing::yes);
  reader.join();
  CAPTURE(why.where, why.os_code);
  CHECK_FALSE(why);
  CHECK(folder.content("key") == "second");
}

TEST_CASE("what was published can be taken back, and what was never published is not",
          "[platform]") {
  const empty_folder folder;
  staged_file first = written(folder.path("key"), "first");
  staged_file second = written(folder.path("key"), "second");
  REQUIRE_FALSE(first.publish(replace_existing::no));
  second.withdraw();
  CHECK(folder.content("key") == "first");
  first.withdraw();
  second.discard();
  CHECK(folder.files() == 0);
}

TEST_CASE("a path that no file can have is refused", "[platform]") {
  using namespace std::string_view_literals;
  const empty_folder folder;
  CHECK(staged_file::write("", "x").why() == errc::invalid);
  CHECK(staged_file::write("a\0b"sv, "x").why() == errc::invalid);
  CHECK(staged_file::write(std::string(100'000, 'a'), "x").why() == errc::invalid);
  CHECK(staged_file::write(folder.path("none/key"), "x").why() == errc::not_found);
}

#if !defined(_WIN32)
TEST_CASE("a staged file belongs to its owner alone from the beginning", "[platform]") {
  const empty_folder folder;
  const staged_file one = written(folder.path("key"), "secret");
  const fs::path staged = fs::directory_iterator(folder.at)->path();
  CHECK(fs::status(staged).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}
#endif
