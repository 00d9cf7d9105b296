// behaviour/routes.cpp - see the header. The rules of g++ 12 for coroutines hold here too.
#include "behaviour/routes.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <weir/http/credentials.hpp>
#if WEIR_JSON
#include <weir/http/json_body.hpp>
#endif
#include <weir/http/limits.hpp>
#include <weir/platform/clock.hpp>
#include <weir/runtime/nursery.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/waits.hpp>

namespace weir::http::behaviour {
namespace {

using runtime::task;

constexpr std::size_t piece_bytes = 16 * 1024;

std::size_t number(std::string_view text) {
  std::size_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

task<error> stream_echo(exchange& x) {
  response head;
  head.set_stream();
  const error began = co_await x.begin(std::move(head));
  if (began) co_return began;
  for (;;) {
    const result<std::string_view> piece = co_await x.read();
    if (!piece.ok()) co_return piece.why();
    if (piece.value().empty()) break;
    const error wrote = co_await x.write(piece.value());
    if (wrote) co_return wrote;
  }
  const error finished = co_await x.finish();
  co_return finished;
}

task<error> collect(exchange& x) {
  const result<std::string_view> body = co_await x.read_all();
  if (!body.ok()) co_return body.why();
  response answer = response::text(std::to_string(body.value().size()));
  const error sent = co_await x.send(std::move(answer));
  co_return sent;
}

task<error> answer_with(exchange& x, std::string_view text) {
  response answer = response::view(text);
  const error sent = co_await x.send(std::move(answer));
  co_return sent;
}

task<error> lines(exchange& x) {
  const std::size_t n = number(x.head().param("n"));
  response head;
  head.set_stream(std::nullopt, text_plain);
  const error began = co_await x.begin(std::move(head));
  if (began) co_return began;
  std::string line;
  for (std::size_t i = 0; i < n; ++i) {
    line = "line " + std::to_string(i) + "\n";
    const error wrote = co_await x.write(line);
    if (wrote) co_return wrote;
  }
  const error finished = co_await x.finish();
  co_return finished;
}

// Lives in the frame of a handler: its end is the frame's.
class producer_mark {
 public:
  explicit producer_mark(route_state& of) noexcept : of_(of) { ++of_.producers_begun; }
  producer_mark(const producer_mark&) = delete;
  producer_mark& operator=(const producer_mark&) = delete;
  ~producer_mark() { ++of_.producers_ended; }

 private:
  route_state& of_;
};

task<error> bytes(exchange& x, route_state& state, bool counted) {
  const producer_mark mark(state);
  const std::size_t n = number(x.head().param("n"));
  state.written = 0;
  response head;
  if (counted) {
    head.set_stream(n);
  } else {
    head.set_stream();
  }
  const error began = co_await x.begin(std::move(head));
  if (began) co_return began;
  const std::string_view all = pattern(n);
  for (std::size_t at = 0; at < n; at += piece_bytes) {
    const error wrote = co_await x.write(all.substr(at, piece_bytes));
    if (wrote) co_return wrote;
    state.written = std::min(n, at + piece_bytes);
  }
  const error finished = co_await x.finish();
  co_return finished;
}

task<error> delay(exchange& x) {
  const auto span_ns = static_cast<time_ns>(number(x.head().param("ms"))) * millisecond_ns;
  const error slept = co_await runtime::sleep_until(x.loop().now_ns() + span_ns);
  if (slept) co_return slept;
  const error sent = co_await answer_with(x, "late");
  co_return sent;
}

time_ns span_of(const exchange& x) {
  return static_cast<time_ns>(number(x.head().param("ms"))) * millisecond_ns;
}

task<error> compute_first(exchange& x, route_state& state) {
  state.compute(span_of(x));
  const error slept = co_await runtime::sleep_until(x.loop().now_ns() + millisecond_ns);
  if (slept) co_return slept;
  const error sent = co_await answer_with(x, "done");
  co_return sent;
}

task<error> compute_later(exchange& x, route_state& state) {
  const error slept = co_await runtime::sleep_until(x.loop().now_ns() + millisecond_ns);
  if (slept) co_return slept;
  state.compute(span_of(x));
  const error sent = co_await answer_with(x, "done");
  co_return sent;
}

task<error> work(route_state& state, time_ns span_ns) {
  state.compute(span_ns);
  co_return error{};
}

task<error> compute_child(exchange& x, route_state& state) {
  runtime::scope& here = co_await runtime::this_scope();
  runtime::nursery children(here, "children", 1);
  const error started = children.start(work(state, span_of(x)), "child");
  const error joined = co_await children.join();
  if (started) co_return started;
  if (joined) co_return joined;
  const error sent = co_await answer_with(x, "done");
  co_return sent;
}

task<error> gate(exchange& x, route_state& state) {
  ++state.at_gate;
  ++state.came_to_gate;
  error slept;
  while (!state.gate_open && !slept) {
    slept = co_await runtime::sleep_until(x.loop().now_ns() + millisecond_ns);
  }
  --state.at_gate;
  if (slept) co_return slept;
  const error sent = co_await answer_with(x, "through");
  co_return sent;
}

task<error> send_served(exchange& x, route_state& state) {
  const std::uint64_t size = state.served.size();
  response head;
  head.set_stream(size);
  const error began = co_await x.begin(std::move(head));
  if (began) co_return began;
  const error wrote = co_await x.write_file(state.served, 0, size);
  if (wrote) co_return wrote;
  const error finished = co_await x.finish();
  co_return finished;
}

task<error> send_served_whole(exchange& x, route_state& state) {
  response head;
  head.header("X-Whole", "yes");
  const error sent = co_await x.send_file(std::move(head), state.served, text_plain);
  co_return sent;
}

// A field that may not be sent: the answer is a 500 and the file stays.
task<error> send_served_badly(exchange& x, route_state& state) {
  response head;
  head.header("X-Bad", "a\r\nb");
  const error sent = co_await x.send_file(std::move(head), state.served);
  co_return sent;
}

// As a careless handler would: what the target says becomes a field.
response with_field(const request& q) {
  std::string value;
  const std::string_view hex = q.param("hex");
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    value += static_cast<char>(byte);
  }
  response out = response::view("set by a handler");
  out.header(q.param("name"), value);
  return out;
}

task<error> send_field(exchange& x) {
  response answer = with_field(x.head());
  const error sent = co_await x.send(std::move(answer));
  co_return sent;
}

task<error> begin_field(exchange& x) {
  response head = with_field(x.head());
  head.set_stream(16);
  const error began = co_await x.begin(std::move(head));
  if (began) co_return began;
  const error wrote = co_await x.write("set by a handler");
  if (wrote) co_return wrote;
  const error finished = co_await x.finish();
  co_return finished;
}

task<error> throw_async(exchange& x) {
  const error slept = co_await runtime::sleep_until(x.loop().now_ns() + millisecond_ns);
  if (slept) co_return slept;
  throw std::runtime_error("a coroutine's own trouble");
}

task<error> throw_late(exchange& x) {
  response head;
  head.set_stream();
  const error began = co_await x.begin(std::move(head));
  if (began) co_return began;
  const error wrote = co_await x.write("begun");
  if (wrote) co_return wrote;
  throw std::runtime_error("too late for a 500");
}

task<error> short_of_length(exchange& x) {
  response head;
  head.set_stream(100);
  const error began = co_await x.begin(std::move(head));
  if (began) co_return began;
  const error wrote = co_await x.write("ten bytes.");
  co_return wrote;
}

std::string joined_tags(const request& q) {
  std::string out;
  for (const header_field& field : q.fields) {
    if (!iequals(field.name, "x-tag")) continue;
    if (!out.empty()) out += ", ";
    out += field.value;
  }
  return out;
}

// Everything that has to be a copy: a line each.
response describe(const request& q) {
  std::string out = std::string(q.pattern) + "\n" + std::string(q.path) + "\n" +
                    std::string(q.query) + "\n" + std::string(q.param("name")) + "\n" +
                    std::string(q.find("X-Mark").value_or("")) + "\n";
  for (const header_field& f : q.trailers) {
    out += std::string(f.name) + "=" + std::string(f.value) + "\n";
  }
  return response::text(out + std::string(q.body));
}

#if WEIR_JSON
response order(const request& q) {
  json_body in(q);
  const std::string_view name = in.text("name", 100);
  const std::int64_t copies = in.integer("copies", 1, 10, 1);
  const bool loud = in.boolean("loud", false);
  if (!in.complete()) return in.problem();
  return response::text(std::string(name) + " x" + std::to_string(copies) + (loud ? "!" : ""));
}
#endif

response secret(const request& q) {
  if (!has_api_key(q, api_key)) return unauthorized("ApiKey realm=\"weir\"");
  return response::view("told");
}

std::string make_pattern() {
  std::string out(large_bytes, '\0');
  std::uint64_t word = 0x9e3779b97f4a7c15u;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) word = (word ^ (word >> 29)) * 0xbf58476d1ce4e5b9u + i;
    out[i] = static_cast<char>('a' + ((word >> (8 * (i % 8))) & 15u));
  }
  return out;
}

}  // namespace

void hold::open() {
  lock here(mutex_);
  open_ = true;
  opened_.wake_all();
}

void hold::pass(const stop_token* stop) {
  ++inside_;
  {
    lock here(mutex_);
    while (!open_ && (stop == nullptr || !stop->stop_requested())) {
      opened_.wait_until(mutex_, system_clock().now_ns() + millisecond_ns);
    }
  }
  if (stop != nullptr && stop->stop_requested()) ++told_;
  --inside_;
  ++passed_;
}

std::string_view pattern(std::size_t count) {
  static const std::string all = make_pattern();
  return std::string_view(all).substr(0, count);
}

routes make_routes(route_state& state) {
  routes r;
  error why;
  const auto check = [&why](error e) {
    if (e) why = e;
  };
  check(r.get("/", [](const request&) { return response::view("weir\n"); }));
  check(r.get("/plaintext", [](const request&) { return response::view("Hello, World!"); }));
  check(r.get("/echo/{text}", [&state](const request& q) {
    ++state.echoes;
    if (q.param("text") == "smuggled") ++state.smuggled;
    return response::text(std::string(q.param("text")));
  }));
  check(r.post("/submit", [](const request& q) { return response::text(std::string(q.body)); }));
  check(r.get("/large", [](const request&) { return response::view(pattern(large_bytes)); }));
  const auto compute = [&state](const request& q) {
    state.compute(static_cast<time_ns>(number(q.param("ms"))) * millisecond_ns);
    return response::view("done");
  };
  check(r.get("/compute/{ms}", compute));
  check(r.get("/compute-throw/{ms}", [compute](const request& q) -> response {
    static_cast<void>(compute(q));
    throw std::runtime_error("after much work");
  }));
  check(r.get("/throw", [](const request&) -> response {
    throw std::runtime_error("trouble of a plain handler");
  }));
  check(r.get("/throw-number", [](const request&) -> response { throw 42; }));
  check(r.get("/set/{name}/{hex}", with_field));
  check(r.get_async("/set-send/{name}/{hex}", [](exchange& x) { return send_field(x); }));
  check(r.get_async("/set-begin/{name}/{hex}", [](exchange& x) { return begin_field(x); }));
  check(r.get_blocking("/set-blocking/{name}/{hex}", with_field));
  check(r.get("/close", [](const request&) {
    response out = response::view("bye");
    out.set_close();
    return out;
  }));
  check(r.get("/agent", [](const request& q) {
    return response::text(std::string(q.find("user-agent").value_or("")));
  }));
  check(r.get("/cookie", [](const request& q) {
    return response::text(std::string(q.find("cookie").value_or("")));
  }));
  check(r.get("/authority",
              [](const request& q) { return response::text(std::string(q.authority)); }));
  const auto tags = [](const request& q) { return response::text(joined_tags(q)); };
  check(r.get("/tags", tags));
  check(r.post("/tags", tags));
  check(r.get("/status/{n}", [](const request& q) {
    return response(static_cast<status_code>(number(q.param("n"))));
  }));
  check(r.get("/location", [](const request&) {
    response out(302);
    out.header("Location", "/" + std::string(limits().target_bytes_max - 1, 'l'));
    return out;
  }));
#if WEIR_JSON
  check(r.post("/order", order));
#endif
  check(r.get("/secret", secret));
  check(r.post_async("/stream-echo", [](exchange& x) { return stream_echo(x); }));
  check(r.post_async("/collect", [](exchange& x) { return collect(x); }));
  check(r.post_async("/ignore", [](exchange& x) { return answer_with(x, "ignored"); }));
  check(r.get_async("/stream/{n}", [](exchange& x) { return lines(x); }));
  check(r.get_async("/bytes/{n}", [&state](exchange& x) { return bytes(x, state, true); }));
  check(r.get_async("/firehose/{n}", [&state](exchange& x) { return bytes(x, state, false); }));
  check(r.get_async("/delay/{ms}", [](exchange& x) { return delay(x); }));
  check(r.get_async("/compute-first/{ms}", [&](exchange& x) { return compute_first(x, state); }));
  check(r.get_async("/compute-later/{ms}", [&](exchange& x) { return compute_later(x, state); }));
  check(r.get_async("/compute-child/{ms}", [&](exchange& x) { return compute_child(x, state); }));
  check(r.get_async("/gate", [&state](exchange& x) { return gate(x, state); }));
  check(r.get_async("/file", [&state](exchange& x) { return send_served(x, state); }));
  check(r.get_async("/whole-file", [&state](exchange& x) { return send_served_whole(x, state); }));
  check(r.get_async("/bad-file", [&state](exchange& x) { return send_served_badly(x, state); }));
  check(r.get_async("/throw-async", [](exchange& x) { return throw_async(x); }));
  check(r.get_async("/throw-first", [](exchange&) -> task<error> {
    throw std::runtime_error("trouble before there is a task");
  }));
  check(r.get_async("/throw-late", [](exchange& x) { return throw_late(x); }));
  check(r.get_async("/short", [](exchange& x) { return short_of_length(x); }));
  check(r.get_blocking("/hold", [held = state.held](const request&) {
    held->pass(nullptr);
    return response::view("let go");
  }));
  check(r.get_blocking("/until-told", [held = state.held](const request&, const stop_token& stop) {
    held->pass(&stop);
    return response::view("let go");
  }));
  check(r.post_blocking("/job/{name}", [](const request& q) { return describe(q); }));
  check(r.get_blocking("/throw-blocking", [](const request&) -> response {
    throw std::runtime_error("trouble on a worker");
  }));
  check(add_tunnels(r, state));
  const route_limits& own = state.own;
  const auto submit = [](const request& q) { return response::text(std::string(q.body)); };
  check(r.post("/own/submit", submit, own));
  check(r.post_async("/own/collect", [](exchange& x) { return collect(x); }, own));
  check(r.post_async("/own/stream-echo", [](exchange& x) { return stream_echo(x); }, own));
  check(r.get_async("/own/delay/{ms}", [](exchange& x) { return delay(x); }, own));
  const auto large = [](const request&) { return response::view(pattern(large_bytes)); };
  check(r.get("/own/large", large, own));
  check(r.get_async(
      "/own/firehose/{n}", [&state](exchange& x) { return bytes(x, state, false); }, own));
  WEIR_ASSERT(!why);
  return r;
}

}  // namespace weir::http::behaviour
