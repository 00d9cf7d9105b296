// http/limits.hpp - every bound has a name, a default, and a check.
#include <cstring>
#include <set>

#include <catch_amalgamated.hpp>

#include <weir/http/handler.hpp>
#include <weir/http/limits.hpp>

#include "rate.hpp"

namespace http = weir::http;
using http::limit_field;
using http::limits;

namespace {

void set_field(limits& l, const limit_field& field, std::uint64_t value) {
  if (field.duration != nullptr) l.*field.duration = static_cast<weir::time_ns>(value);
  if (field.bytes != nullptr) l.*field.bytes = value;
  if (field.count != nullptr) l.*field.count = static_cast<std::uint32_t>(value);
}

}  // namespace

TEST_CASE("V17 the defaults are the documented ones and valid", "[http][limits]") {
  const limits l;
  CHECK_FALSE(l.validate());
  CHECK(l.head_bytes_max == 32 * 1024);
  CHECK(l.header_fields_max == 100);
  CHECK(l.target_bytes_max == 8 * 1024);
  CHECK(l.body_bytes_max == 1024 * 1024);
  CHECK(l.chunk_line_bytes_max == 256);
  CHECK(l.chunk_extension_bytes_max == 16 * 1024);
  CHECK(l.trailer_bytes_max == 8 * 1024);
  CHECK(l.trailer_fields_max == 32);
  CHECK(l.pipelined_requests_max == 64);
  CHECK(l.requests_per_connection_max == 1'000);
  CHECK(l.connections_max == 10'000);
  CHECK(l.connections_per_peer_max == l.connections_max);
  CHECK(l.requests_in_flight_max == 4'096);
  CHECK(l.blocking_workers_max == 16);
  CHECK(l.blocking_queue_max == 256);
  CHECK(l.blocking_queue_deadline == 5'000'000'000);
  CHECK(l.response_queue_bytes_max == 1024 * 1024);
  CHECK(l.head_deadline == 10'000'000'000);
  CHECK(l.body_deadline == 30'000'000'000);
  CHECK(l.handler_deadline == 30'000'000'000);
  CHECK(l.loop_hold_max == 50'000'000);
  CHECK(l.write_deadline == 10'000'000'000);
  CHECK(l.idle_deadline == 15'000'000'000);
  CHECK(l.upgraded_idle_deadline == 60'000'000'000);
  CHECK(l.handshake_deadline == 10'000'000'000);
  CHECK(l.drain_timeout == 5'000'000'000);
  CHECK(l.drain_delay == 0);
  CHECK(l.linger_deadline == 2'000'000'000);
  CHECK(l.linger_bytes_max == 256 * 1024);
  CHECK(l.body_rate_min == 240);
  CHECK(l.write_rate_min == 240);
  CHECK(l.rate_grace == 5'000'000'000);
  CHECK(l.accept_backlog == 1'024);
  CHECK(l.handshakes_max == 64);
  CHECK(l.tls_records_per_second_max == 10'000);
}

TEST_CASE("limits: the table describes every byte of limits once", "[http][limits]") {
  std::set<std::string_view> names;
  limits l;
  std::memset(static_cast<void*>(&l), 0xff, sizeof l);
  for (const limit_field& field : http::limit_fields) {
    INFO(field.name);
    CHECK(names.insert(field.name).second);
    CHECK_FALSE(field.help.empty());
    const int pointers =
        (field.duration != nullptr) + (field.bytes != nullptr) + (field.count != nullptr);
    CHECK(pointers == 1);
    CHECK((field.kind == http::limit_kind::duration) == (field.duration != nullptr));
    CHECK((field.kind == http::limit_kind::count) == (field.count != nullptr));
    set_field(l, field, 0);
  }
  unsigned char bytes[sizeof l];
  std::memcpy(bytes, &l, sizeof l);
  for (const unsigned char byte : bytes) CHECK(byte == 0);
}

TEST_CASE("limits: zero is refused by name and never means no limit", "[http][limits]") {
  for (const limit_field& field : http::limit_fields) {
    INFO(field.name);
    limits l;
    set_field(l, field, 0);
    const weir::error why = l.validate();
    CHECK(static_cast<bool>(why) == !field.zero_ok);
    if (why) CHECK(std::string_view(why.where) == field.name);
  }
  CHECK(http::limit_fields.size() == 35);
}

TEST_CASE("limits: unbounded is written out, and refused where memory is sized by it",
          "[http][limits]") {
  for (const limit_field& field : http::limit_fields) {
    INFO(field.name);
    limits l;
    if (field.duration != nullptr) l.*field.duration = limits::unbounded;
    if (field.bytes != nullptr) l.*field.bytes = limits::unbounded;
    if (field.count != nullptr) l.*field.count = limits::unbounded;
    const weir::error why = l.validate();
    CHECK(static_cast<bool>(why) == !field.unbounded_ok);
    if (why) CHECK(std::string_view(why.where) == field.name);
  }
  limits l;
  l.head_deadline = limits::unbounded;
  CHECK(l.head_deadline == weir::never_ns);
}

TEST_CASE("limits: contradictions name the field that is wrong", "[http][limits]") {
  limits l;
  l.head_bytes_max = 4'096;
  CHECK(std::string_view(l.validate().where) == "target_bytes_max");
  l.target_bytes_max = 4'096;
  CHECK_FALSE(l.validate());
  l = {};
  l.head_bytes_max = 16 * 1024 * 1024 + 1;
  CHECK(std::string_view(l.validate().where) == "head_bytes_max");
  l = {};
  l.idle_deadline = -1;
  CHECK(std::string_view(l.validate().where) == "idle_deadline");
  l = {};
  l.accept_backlog = 70'000;
  CHECK(std::string_view(l.validate().where) == "accept_backlog");
  l = {};
  l.blocking_workers_max = limits::blocking_workers_hard_max + 1;
  CHECK(std::string_view(l.validate().where) == "blocking_workers_max");
}

TEST_CASE("limits: the cap of one peer follows the cap of all", "[http][limits]") {
  const limits l{.connections_max = 20'000};
  CHECK(l.connections_per_peer_max == 20'000);
  int followers = 0;
  for (const limit_field& field : http::limit_fields) followers += field.follows != nullptr;
  CHECK(followers == 1);
}

TEST_CASE("limits: bytes earn time at a minimum rate, to the nanosecond and without overflow",
          "[http][limits]") {
  CHECK(http::earned_ns(240, 240) == weir::second_ns);
  CHECK(http::earned_ns(60, 240) == weir::second_ns / 4);
  CHECK(http::earned_ns(0, 240) == 0);
  CHECK(http::earned_ns(~std::uint64_t{0}, 1) == weir::never_ns);
  CHECK(http::earned_ns(~std::uint64_t{0}, ~std::uint64_t{0}) == weir::second_ns);
  CHECK(http::earned_ns(5, ~std::uint64_t{0}) == 0);
}

TEST_CASE("limits: a route overrides what it names, and nothing else", "[http][limits]") {
  const limits server{.body_bytes_max = 5, .handler_deadline = 7 * weir::second_ns};
  CHECK(http::route_limits().over(server) == server);
  const http::route_limits own{.body_bytes_max = 10'000'000,
                               .chunk_line_bytes_max = 11,
                               .chunk_extension_bytes_max = 12,
                               .trailer_bytes_max = 13,
                               .trailer_fields_max = 14,
                               .body_rate_min = 15,
                               .write_rate_min = 16,
                               .body_deadline = 17,
                               .handler_deadline = 18,
                               .write_deadline = 19,
                               .rate_grace = 20};
  limits expected = server;
  expected.body_bytes_max = 10'000'000;
  expected.chunk_line_bytes_max = 11;
  expected.chunk_extension_bytes_max = 12;
  expected.trailer_bytes_max = 13;
  expected.trailer_fields_max = 14;
  expected.body_rate_min = 15;
  expected.write_rate_min = 16;
  expected.body_deadline = 17;
  expected.handler_deadline = 18;
  expected.write_deadline = 19;
  expected.rate_grace = 20;
  CHECK(own.over(server) == expected);
}

TEST_CASE("limits: a route that asks for what may not be is not added", "[http][limits]") {
  http::routes table;
  const auto run = [](const http::request&) { return http::response::view("x"); };
  const weir::error zero = table.get("/zero", run, {.handler_deadline = 0});
  CHECK(zero == weir::errc::invalid);
  CHECK(std::string_view(zero.where) == "handler_deadline");
  const weir::error negative = table.post("/negative", run, {.body_deadline = -1});
  CHECK(std::string_view(negative.where) == "body_deadline");
  const weir::error endless = table.post("/endless", run, {.body_rate_min = limits::unbounded});
  CHECK(std::string_view(endless.where) == "body_rate_min");
  CHECK(table.table().size() == 0);
  CHECK_FALSE(table.post("/all", run, {.body_bytes_max = limits::unbounded}));
}
