#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <catch_amalgamated.hpp>

#include <weir/tls/server_credentials.hpp>

#include "engine_pair.hpp"
#include "support/temp_file.hpp"

using namespace weir;
using namespace weir::test;
using part = tls::credential_problem::part;

namespace {

// Certificates of a server as files, which a test exchanges.
struct pair_of_files {
  explicit pair_of_files(const tls::made_certificate& made)
      : certificate(made.certificate), key(made.key) {}

  tls::credential_files files() const {
    tls::credential_files all;
    all.pairs.push_back({certificate.path(), key.path()});
    return all;
  }
  void put(const tls::made_certificate& made) const {
    write(certificate, made.certificate);
    write(key, made.key);
  }
  static void write(const temp_file& to, const std::string& text) {
    const std::string at = to.path();
    std::ofstream(std::filesystem::path(std::u8string(at.begin(), at.end())),
                  std::ios::binary | std::ios::trunc)
        << text;
  }

  temp_file certificate;
  temp_file key;
};

tls::made_certificate leaf_for(const char* name) {
  tls::certificate_request request = leaf_request();
  request.dns_names = {name};
  return make_leaf(request);
}

// A session with whatever `of` holds now, under a name; null when the client does not believe it.
std::unique_ptr<engine_pair> begin(const tls::live_context& of, const tls::context& of_client,
                                   std::string_view name) {
  const tls::context now = of.now();
  auto pair = std::make_unique<engine_pair>(now, of_client);
  pair->client = take(engine::for_client(of_client, name));
  return pair->shake() ? std::move(pair) : nullptr;
}

bool carries(engine_pair& pair) {
  const result<std::size_t> sent = pair.client->write(as_bytes("ping"));
  REQUIRE(sent.ok());
  carry(*pair.client, *pair.server);
  return read_all(*pair.server) == "ping";
}

}  // namespace

TEST_CASE("credentials are exchanged for new sessions, and open ones keep what they began with") {
  const pair_of_files at(leaf_for("first.test"));
  tls::server_credentials ours(at.files(), tls::server_options());
  CHECK(ours.live() == nullptr);
  REQUIRE_FALSE(ours.load());
  const std::shared_ptr<const tls::live_context> live = ours.live();
  const std::string first = ours.facts().at(0).serial;
  const tls::context of_client = make_context(client_options());
  const auto before = begin(*live, of_client, "first.test");
  REQUIRE(before != nullptr);

  at.put(leaf_for("second.test"));
  REQUIRE_FALSE(ours.load());
  CHECK(ours.live() == live);
  CHECK(ours.facts().at(0).serial != first);
  CHECK(begin(*live, of_client, "second.test") != nullptr);
  CHECK(begin(*live, of_client, "first.test") == nullptr);
  CHECK(carries(*before));
}

TEST_CASE("what cannot be used changes nothing, and is told by file and reason") {
  const tls::made_certificate first = leaf_for("first.test");
  const tls::made_certificate second = leaf_for("second.test");
  const pair_of_files at(first);
  const temp_file anchors(authority().certificate);
  tls::credential_files files = at.files();
  files.client_anchors = anchors.path();
  tls::server_options rest;
  rest.ask = tls::client_certificates::optional;
  tls::server_credentials ours(files, rest);
  REQUIRE_FALSE(ours.load());
  const std::string serial = ours.facts().at(0).serial;

  part of = part::none;
  std::string file = at.certificate.path();
  std::string says;
  tls::fitness unfit = tls::fitness::fit;
  SECTION("the key of another certificate") {
    pair_of_files::write(at.certificate, second.certificate);
    of = part::pair;
    says = "certificate and key are not a pair";
  }
  SECTION("half a certificate") {
    pair_of_files::write(at.certificate, second.certificate.substr(0, 300));
    of = part::pair;
    says = "cannot read the certificate chain";
  }
  SECTION("no key") {
    std::filesystem::remove(at.key.path());
    of = part::key;
    file = at.key.path();
    says = "there is no such file";
  }
  SECTION("one that has expired") {
    tls::certificate_request request = leaf_request();
    request.not_after = request.not_before + 60;
    at.put(make_leaf(request));
    of = part::certificate;
    says = "it has expired";
    unfit = tls::fitness::expired;
  }
  SECTION("one that is not valid yet") {
    tls::certificate_request request = leaf_request();
    request.not_before = request.not_after - 60;
    at.put(make_leaf(request));
    of = part::certificate;
    says = "it is not valid yet";
    unfit = tls::fitness::not_yet_valid;
  }
  SECTION("one for clients") {
    at.put(client_certificate());
    of = part::certificate;
    says = "it is not for servers";
    unfit = tls::fitness::not_for_servers;
  }
  SECTION("one for nobody") {
    at.put(authority());
    of = part::certificate;
    says = "it is for no host name or address";
    unfit = tls::fitness::for_nobody;
  }
  SECTION("no authorities") {
    pair_of_files::write(anchors, "nothing");
    of = part::client_anchors;
    file = anchors.path();
    says = "cannot read the trust anchors";
  }
  const tls::credential_problem wrong = ours.load();
  CHECK(wrong.of == of);
  CHECK(wrong.file == file);
  CHECK(wrong.unfit == unfit);
  CHECK(wrong.text() == file + ": " + says);
  CHECK(ours.facts().at(0).serial == serial);
  CHECK(begin(*ours.live(), make_context(client_options()), "first.test") != nullptr);

  at.put(second);
  pair_of_files::write(anchors, authority().certificate);
  CHECK_FALSE(ours.load());
  CHECK(begin(*ours.live(), make_context(client_options()), "second.test") != nullptr);
}

TEST_CASE("a configuration that fits no files is told as that") {
  tls::server_credentials none({}, tls::server_options());
  CHECK(none.load().of == part::rest);
  CHECK(none.live() == nullptr);
  const pair_of_files at(server_certificate());
  tls::server_options asking;
  asking.ask = tls::client_certificates::required;  // by whom?
  tls::server_credentials ours(at.files(), asking);
  const tls::credential_problem wrong = ours.load();
  CHECK(wrong.of == part::rest);
  CHECK(wrong.why == errc::invalid);
  CHECK(wrong.text() == "client_anchors");
}

TEST_CASE("files that have changed are seen once they have come to rest, and not twice") {
  const pair_of_files at(leaf_for("first.test"));
  tls::server_credentials ours(at.files(), tls::server_options());
  REQUIRE_FALSE(ours.load());
  CHECK_FALSE(ours.changed());
  CHECK_FALSE(ours.changed());
  // Of another size: the time of a file has a second's resolution here.
  tls::certificate_request request = leaf_request();
  request.dns_names = {"a.rather.long.name.that.was.not.there.before.test"};
  at.put(make_leaf(request));
  CHECK_FALSE(ours.changed());  // it may still be written
  CHECK(ours.changed());
  REQUIRE_FALSE(ours.load());
  CHECK_FALSE(ours.changed());
}

TEST_CASE("credentials are exchanged by one thread while others begin sessions") {
  const tls::made_certificate both[] = {leaf_for("localhost"), leaf_for("localhost")};
  const pair_of_files at(both[0]);
  tls::server_credentials ours(at.files(), tls::server_options());
  REQUIRE_FALSE(ours.load());
  const std::shared_ptr<const tls::live_context> live = ours.live();
  std::atomic<bool> done{false};
  std::atomic<int> exchanged{0};
  std::atomic<bool> failed{false};
  std::thread exchanges([&] {
    for (int i = 1; !done.load(); ++i) {
      at.put(both[i % 2]);
      if (ours.load()) failed.store(true);
      exchanged.fetch_add(1);
    }
  });
  const tls::context of_client = make_context(client_options());
  int sessions = 0;
  while (sessions < 10 || exchanged.load() < 10) {
    if (begin(*live, of_client, host) == nullptr) break;
    ++sessions;
  }
  done.store(true);
  exchanges.join();
  CHECK_FALSE(failed.load());
  CHECK(sessions >= 10);
  CHECK(exchanged.load() >= 10);
}
