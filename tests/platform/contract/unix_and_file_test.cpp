// Unix sockets, and send_file (P5, P7, P12), on every backend that has them.
#include <filesystem>
#include <fstream>
#include <random>

#include <weir/platform/file.hpp>

#include "host.hpp"

namespace weir::platform::contract {

namespace {

// A file with known bytes, gone with this object.
class scratch_file {
 public:
  explicit scratch_file(std::size_t count) : bytes_(pattern(count, 42)) {
    std::random_device any;
    path_ = std::filesystem::temp_directory_path() /
            ("weir-send-" + std::to_string(any()) + std::to_string(any()));
    std::ofstream(path_, std::ios::binary) << bytes_;
    result<file> opened = file::open_read(path_.string());
    REQUIRE(opened.ok());
    file_ = std::move(opened).value();
  }
  ~scratch_file() {
    file_.close();
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;

  const file& handle() const { return file_; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::filesystem::path path_;
  file file_;
};

}  // namespace

CONTRACT("P12 send_file sends the bytes asked for, a part at a time") {
  const scratch_file source(300'000);
  const bench::pair two = b.connected();
  const std::uint64_t first = 1'234;
  const std::uint64_t count = 250'000;
  std::uint64_t sent = 0;
  std::string got;
  while (sent < count) {
    bench::op o;
    const started s = b->send_file(two.client, source.handle(), first + sent, count - sent, &o);
    while (s.pending() && o.completions == 0) {
      std::string piece(65'536, '\0');
      const result<std::size_t> n =
          b->try_receive(two.server, {reinterpret_cast<std::byte*>(piece.data()), piece.size()});
      if (n) {
        got.append(piece, 0, n.value());
      } else {
        REQUIRE(n.why() == errc::would_block);
        b.turn(b->now_ns() + millisecond_ns);
      }
    }
    const completion end = b.ended(s, o);
    if (end.why == errc::not_supported) {
      b.skip_unless(false, "send_file");
      return;
    }
    REQUIRE_FALSE(end.why);
    REQUIRE(end.value >= 1);
    REQUIRE(end.value <= count - sent);
    sent += end.value;
  }
  got += b.receive(two.server, count - got.size());
  CHECK((got == source.bytes().substr(first, count)));
  // And not a byte more.
  b.settle(millisecond_ns);
  std::string more(8, '\0');
  CHECK(b->try_receive(two.server, {reinterpret_cast<std::byte*>(more.data()), more.size()})
            .why()
            .code == errc::would_block);
}

CONTRACT("P12 send_file past the end of the file: its beginning is sent, then eof is said") {
  const scratch_file source(1'000);
  const bench::pair two = b.connected();
  std::uint64_t sent = 0;
  error why;
  while (!why) {
    bench::op o;
    const completion end = b.ended(b->send_file(two.client, source.handle(), sent, 5'000, &o), o);
    why = end.why;
    if (!why) {
      REQUIRE(end.value >= 1);
      sent += end.value;
      REQUIRE(sent <= 1'000);
    }
  }
  if (why == errc::not_supported) {
    b.skip_unless(false, "send_file");
    return;
  }
  CHECK(why.code == errc::eof);
  CHECK(sent == 1'000);
  CHECK((b.receive(two.server, 1'000) == source.bytes()));
}

CONTRACT("P7 cancel asks and the completion still comes: send_file") {
  const scratch_file source(2'000'000);
  const bench::pair two = b.connected();
  b.fill(two.client);
  bench::op o;
  started s;
  for (int i = 0; i < 1'000; ++i) {
    s = b->send_file(two.client, source.handle(), 0, source.bytes().size(), &o);
    if (s.pending() || s.why) break;  // a window may still open a little
  }
  if (s.why == errc::not_supported) {
    b.skip_unless(false, "send_file");
    return;
  }
  REQUIRE(s.pending());
  CHECK(b->send(two.client, as_bytes("x"), &o).why.code == errc::in_progress);
  b->cancel(s.id);
  const completion end = b.until(o);
  CHECK((end.why.code == errc::cancelled || !end.why));
  b.settle();
  CHECK(o.completions == 1);
}

CONTRACT("P6 a Unix socket is a stream like any other") {
  const std::optional<address> path = b.on().unix_path();
  if (b.skip_unless(path.has_value(), "Unix sockets")) return;
  const result<socket_id> at = b->listen(*path, {});
  REQUIRE(at.ok());
  CHECK(b.where(at.value()) == *path);
  const bench::pair two = b.connected(at.value());
  b.send_all(two.client, "to the server");
  CHECK(b.receive(two.server, 13) == "to the server");
  b.send_all(two.server, "to the client");
  REQUIRE_FALSE(b->shut_send(two.server));
  error why;
  CHECK(b.receive_rest(two.client, why) == "to the client");
  CHECK(why.code == errc::eof);
}

CONTRACT("P14 closing a Unix listener removes its path, and a second one may not take it before") {
  const std::optional<address> path = b.on().unix_path();
  if (b.skip_unless(path.has_value(), "Unix sockets")) return;
  const result<socket_id> at = b->listen(*path, {});
  REQUIRE(at.ok());
  const errc second = b->listen(*path, {}).why().code;
  CHECK((second == errc::address_in_use || second == errc::exists));
  // The failed attempt took nothing away. It may have knocked to see who is there: such a
  // connection is over at once, and the next one is ours.
  const socket_id guest = b.connect(*path);
  b.send_all(guest, "x");
  std::string got;
  for (int i = 0; i < 2 && got.empty(); ++i) {
    const result<socket_id> server = b->adopt(b.accept(at.value()));
    REQUIRE(server.ok());
    REQUIRE_FALSE(b->shut_send(guest));
    error end;
    got = b.receive_rest(server.value(), end);
  }
  CHECK(got == "x");
  b->close(at.value());
  const result<socket_id> client = b->open_stream(*path);
  REQUIRE(client.ok());
  bench::op o;
  const errc gone = b.ended(b->connect(client.value(), *path, &o), o).why.code;
  CHECK((gone == errc::refused || gone == errc::not_found));
  CHECK(b->listen(*path, {}).ok());
}

}  // namespace weir::platform::contract
