// fuzz/tls_seeds.cpp - writes the seeds of the targets `engine` and `transcript`.
//
// Usage: weir_fuzz_tls_seeds [--check] tests/fuzz/corpus. With --check nothing is written: it says
// which seeds are not what would be. They are to be written again when a handshake of weir says
// something else than before: recorded ones end where they differ, and nobody would notice.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "tls_sides.hpp"

using weir::fuzz::side;
namespace tls = weir::tls;
using namespace std::string_literals;

namespace {

// Where seeds go, or are compared with those that are there.
class seed_folder {
 public:
  seed_folder(std::filesystem::path root, bool check) : root_(std::move(root)), check_(check) {}

  void put(const std::string& target, const std::string& name, std::string_view bytes) {
    const std::filesystem::path path = root_ / target / (name + ".bin");
    if (check_) {
      std::ifstream file(path, std::ios::binary);
      const std::string there{std::istreambuf_iterator<char>(file), {}};
      if (there == bytes) return;
    } else {
      std::filesystem::create_directories(path.parent_path());
      std::ofstream file(path, std::ios::binary);
      file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      if (file.flush()) return;
    }
    good_ = false;
    std::printf("%s/%s.bin %s\n", target.c_str(), name.c_str(),
                check_ ? "is not what weir_fuzz_tls_seeds writes" : "could not be written");
  }
  bool good() const { return good_; }

 private:
  std::filesystem::path root_;
  bool check_;
  bool good_ = true;
};

// Moves all that `from` says to `to`, and appends it to `said`.
bool carry(side& from, side& to, std::string& said) {
  std::string moved;
  from.call([&](tls::engine& e) {
    static_cast<void>(e.advance());
    while (e.egress_bytes() > 0) {
      const weir::byte_view piece = e.egress()[0];
      moved += weir::as_text(piece);
      e.sent(piece.size());
    }
    return 0;
  });
  to.call([&](tls::engine& e) {
    std::string_view rest = moved;
    while (!rest.empty()) {
      const weir::byte_span room = e.ingress_room();
      WEIR_ASSERT(!room.empty());
      const std::size_t count = std::min(room.size(), rest.size());
      std::memcpy(room.data(), rest.data(), count);
      rest.remove_prefix(count);
      e.received(count);
    }
    static_cast<void>(e.advance());
    if (!e.handshaking()) {
      std::array<std::byte, 16'384> room;
      while (e.read(room).ok()) {
      }
    }
    return 0;
  });
  said += moved;
  return !moved.empty();
}

// What both sides of a whole conversation said.
struct recorded {
  std::string client;
  std::string server;
};
recorded record(bool older) {
  side client = side::client(older);
  side server = side::server();
  recorded out;
  const auto settle = [&] {
    bool moved = true;
    while (moved) {
      moved = carry(client, server, out.client);
      moved |= carry(server, client, out.server);
    }
  };
  const auto say = [](side& who, std::string_view text) {
    const weir::result<std::size_t> taken =
        who.call([&](tls::engine& e) { return e.write(weir::as_bytes(text)); });
    WEIR_ASSERT(taken.ok() && taken.value() == text.size());
  };
  settle();
  WEIR_ASSERT(!client.engine().handshaking() && !server.engine().handshaking());
  say(client, "GET / HTTP/1.1\r\nHost: weir\r\n\r\n");
  say(client, "x");
  say(server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nweir\n");
  settle();
  for (side* const who : {&client, &server}) {
    const weir::error why = who->call([](tls::engine& e) { return e.close(); });
    WEIR_ASSERT(!why);
  }
  settle();
  return out;
}

struct script {
  std::string name;
  std::string bytes;
};

}  // namespace

int main(int argc, char** argv) {
  const bool check = argc == 3 && std::string_view(argv[1]) == "--check";
  if (argc != 2 && !check) {
    std::fprintf(stderr, "weir_fuzz_tls_seeds [--check] FOLDER\n");
    return 2;
  }
  weir::fuzz::begin();
  seed_folder into(argv[argc - 1], check);
  for (const bool older : {false, true}) {
    const recorded all = record(older);
    const std::string name = older ? "tls12" : "tls13";
    const std::string to_server(1, '\0');
    const std::string to_client(1, older ? '\3' : '\1');
    const auto put = [&](const std::string& what, const std::string& bytes) {
      into.put("transcript", name + "_" + what, bytes);
    };
    put("client", to_server + all.client);
    put("server", to_client + all.server);
    put("client_cut", to_server + all.client.substr(0, all.client.size() - 10));
    put("server_cut", to_client + all.server.substr(0, all.server.size() / 2));
    put("client_hello", to_server + all.client.substr(0, 200));
    std::string harmed = all.client;
    harmed[harmed.size() - 40] ^= 1;
    put("client_altered", to_server + harmed);
    harmed = all.server;
    harmed[harmed.size() - 40] ^= 1;
    put("server_altered", to_client + harmed);
  }
  // See `act` in engine_fuzz.cpp: a byte for what, a byte for how much or whose.
  const script scripts[] = {
      {"shakes_and_talks", "\x00\x0f\x00\x04\x64\x05\xc8\x0f\x00\x06\x64\x07\x64\x08\x00\x0f\x00"s},
      {"older_talks", "\x01\x0f\x00\x04\x64\x05\xc8\x0f\x00\x08\x01\x0f\x00"s},
      {"bytes_at_a_time", "\x04\x04\x40\x00\x01\x02\x01\x00\x05\x02\x04\x00\x7f\x02\x7f\x07\x7f"s},
      {"small_rings_full", "\x06\x05\xff\x05\xff\x05\xff\x01\xff\x03\xf0\x06\xff\x05\xff\x0f\x00"s},
      {"altered_record", "\x04\x04\x64\x00\xff\x09\x50\x02\xff\x07\x7f\x0f\x00"s},
      {"altered_hello", "\x00\x0e\x00\x00\xff\x09\x52\x02\xff\x0e\x01\x0f\x00"s},
      {"dropped", "\x04\x04\x64\x00\xff\x0a\x06\x02\xff\x07\x7f\x0f\x00"s},
      {"repeated", "\x04\x04\x64\x00\xff\x0b\xfe\x02\xff\x07\x7f\x0f\x00"s},
      {"inserted_alert", "\x04\x0c\x0e\x15\x03\x03\x00\x02\x02\x28\x02\xff\x0f\x00"s},
      {"truncated", "\x05\x04\x64\x00\x20\x02\x20\x0d\x01\x07\x7f\x0f\x00"s},
      {"reset", "\x04\x05\x64\x01\x20\x0d\x02\x06\x7f\x05\x10\x0f\x00"s},
      {"closed_in_the_handshake", "\x00\x08\x00\x0e\x00\x00\xff\x08\x01\x0f\x00\x04\x10\x0f\x00"s},
  };
  for (const script& each : scripts) into.put("engine", each.name, each.bytes);
  return into.good() ? 0 : 1;
}
