// A socket as a byte_stream: what is written arrives, files included, and nothing stalls.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>

#include <weir/net/connect.hpp>
#include <weir/net/listener.hpp>
#include <weir/net/socket_stream.hpp>
#include <weir/platform/clock.hpp>
#include <weir/platform/file.hpp>

#include "runtime/virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

task<error> write_all(byte_stream& stream, std::string_view text) {
  while (!text.empty()) {
    const result<std::size_t> taken = co_await write_some(stream, as_bytes(text));
    if (!taken.ok()) co_return taken.why();
    if (taken.value() == 0) co_return error(errc::other, "a write of nothing");
    text.remove_prefix(taken.value());
  }
  co_return error{};
}

task<error> write_file(byte_stream& stream, const file& source, std::uint64_t from,
                       std::uint64_t count) {
  while (count > 0) {
    const result<std::size_t> taken = co_await write_file_some(stream, source, from, count);
    if (!taken.ok()) co_return taken.why();
    from += taken.value();
    count -= taken.value();
  }
  co_return error{};
}

task<error> read_all(scheduler& loop, byte_stream& stream, std::string& out) {
  for (;;) {
    const result<std::size_t> got = stream.try_read(loop.lend_receive_buffer());
    if (got.ok()) {
      const byte_span lent = loop.lend_receive_buffer();
      out += as_text(byte_view(lent.data(), got.value()));
      continue;
    }
    if (got.why() == errc::eof) co_return error{};
    if (got.why().code != errc::would_block) co_return got.why();
    const error why = co_await readable(stream);
    if (why) co_return why;
  }
}

task<error> serve_one(net::listener& from, task<error> (*serve)(byte_stream&, void*),
                      void* context) {
  scope& here = co_await this_scope();
  const result<net::accepted> next = co_await from.accept();
  if (!next.ok()) co_return next.why();
  const result<platform::socket_id> id =
      net::socket_stream::adopt(here.owner(), next.value().socket);
  if (!id.ok()) co_return id.why();
  net::socket_stream stream(here.owner(), id.value());
  const error why = co_await serve(stream, context);
  if (why) co_return why;
  co_return stream.shut_write();
}

task<error> fetch(const address& from, std::string& out) {
  scope& here = co_await this_scope();
  scheduler& loop = here.owner();
  const result<platform::socket_id> id = co_await net::connect(loop, {&from, 1}, {});
  if (!id.ok()) co_return id.why();
  net::socket_stream stream(loop, id.value());
  const error why = co_await read_all(loop, stream, out);
  co_return why;
}

struct file_part {
  file source;
  std::uint64_t from = 0;
  std::uint64_t count = 0;
};

task<error> serve_file(byte_stream& stream, void* context) {
  const file_part& part = *static_cast<file_part*>(context);
  const error why = co_await write_file(stream, part.source, part.from, part.count);
  co_return why;
}

task<error> serve_text(byte_stream& stream, void* context) {
  const error why = co_await write_all(stream, *static_cast<std::string*>(context));
  co_return why;
}

std::string noise(std::size_t count) {
  std::mt19937 dice(7);
  std::string text(count, '\0');
  for (char& c : text) c = static_cast<char>(dice());
  return text;
}

class temporary_file {
 public:
  explicit temporary_file(const std::string& text) {
    std::random_device any;
    path_ = std::filesystem::temp_directory_path() / ("weir-stream-" + std::to_string(any()));
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~temporary_file() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  file open() const {
    result<file> opened = file::open_read(path_.string());
    REQUIRE(opened.ok());
    return std::move(opened).value();
  }

 private:
  std::filesystem::path path_;
};

net::listener& listening(scheduler& loop, std::optional<net::listener>& out) {
  const result<platform::socket_id> at = net::listener::open(loop, address::loopback_ipv4(0), {});
  REQUIRE(at.ok());
  return out.emplace(loop, at.value());
}

}  // namespace

TEST_CASE("stream: five megabytes arrive whole through write, and through a file") {
  const std::string text = noise(5'000'000);
  const temporary_file kept(text);
  for (const bool virtual_time : {false, true}) {
    CAPTURE(virtual_time);
    platform::sim_network net;
    scheduler loop(virtual_time ? sim_poller(net) : native_poller());
    std::optional<net::listener> made;
    net::listener& from = listening(loop, made);
    outcome served;
    std::string got;
    SECTION("write") {
      std::string copy = text;
      begin(loop, serve_one(from, &serve_text, &copy), served);
      REQUIRE_FALSE(loop.run(fetch(from.local_address().value(), got)));
      CHECK(got == text);
    }
    SECTION("a part of a file") {
      file_part part{kept.open(), 1'001, 4'000'000};
      begin(loop, serve_one(from, &serve_file, &part), served);
      REQUIRE_FALSE(loop.run(fetch(from.local_address().value(), got)));
      CHECK(got == text.substr(1'001, 4'000'000));
    }
    CHECK(loop.shutdown(second_ns) == 0);
    CHECK_FALSE(served.why);
  }
}

TEST_CASE("stream: a file that is shorter than promised says eof, and is not waited for") {
  const temporary_file kept(noise(1'000));
  scheduler loop(native_poller());
  std::optional<net::listener> made;
  net::listener& from = listening(loop, made);
  file_part part{kept.open(), 0, 2'000};
  outcome served;
  std::string got;
  begin(loop, serve_one(from, &serve_file, &part), served);
  REQUIRE_FALSE(loop.run(fetch(from.local_address().value(), got)));
  CHECK(loop.shutdown(second_ns) == 0);
  CHECK(served.why == errc::eof);
  CHECK(got.size() == 1'000);
}
