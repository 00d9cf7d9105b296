// behaviour/stage.cpp - what all stages share.
#include "behaviour/stage.hpp"

#include <cstdio>
#include <deque>
#include <utility>

namespace weir::http::behaviour {

namespace {

constexpr time_ns patience_real_ns = 60 * second_ns;
constexpr time_ns patience_virtual_ns = 3'600 * second_ns;
// How much later than its limit something may be seen where time is real or the weather is bad.
constexpr time_ns slack_ns = 20 * second_ns;

// A row of a table as a test case.
class behaviour final : public Catch::ITestInvoker {
 public:
  explicit behaviour(const std::function<void(stage&)>& test) : test_(test) {}
  void invoke() const override { each_stage(matter::exchange, test_); }

 private:
  const std::function<void(stage&)>& test_;
};

// Reads what is new of all that was received.
struct progress {
  test::answer_reader reader;
  std::size_t fed = 0;
  void look(std::string_view received) {
    reader.feed(received.substr(fed));
    fed = received.size();
  }
};

}  // namespace

struct answer_count::watch : progress {};

void stage::until(const std::function<bool()>& so, time_ns slice_ns) {
  const time_ns due_ns = now_ns() + (real_time() ? patience_real_ns : patience_virtual_ns);
  while (!so()) {
    if (now_ns() > due_ns) FAIL("what was waited for never came");
    turn(slice_ns);
  }
}

bool stage::ended(peer_id peer) const {
  const sim_record& r = record(peer);
  if (r.end == sim_end::unconnected) return static_cast<bool>(r.why);
  return r.end != sim_end::open;
}

void stage::until_ended() {
  until(
      [this] {
        for (peer_id p = 0; p < peers(); ++p) {
          if (!ended(p)) return false;
        }
        return true;
      },
      5 * millisecond_ns);
}

ending stage::finish() {
  drain();
  until([this] { return stopped(); });
  ending how;
  const std::vector<std::string> complaints = tear_down(how);
  for (const std::string& c : complaints) {
    UNSCOPED_INFO(c);
  }
  CHECK(complaints.empty());
  CHECK(how.stopped);
  CHECK(how.counters.connections_accepted == how.counters.connections_closed);
  return how;
}

stage::seen stage::see(peer_id peer, const std::vector<std::string>& methods) const {
  const sim_record& r = record(peer);
  test::answer_reader reader = test::read_answers(r.received, r.end == sim_end::eof, methods);
  seen out;
  out.answers = reader.answers();
  out.complete = reader.complete();
  out.interim = reader.interim();
  out.broken = reader.broken();
  out.end = r.end;
  out.lasted_ns = r.ended_ns - r.connected_ns;
  return out;
}

void stage::check_span(time_ns actual_ns, time_ns expected_ns) const {
  if (exact()) {
    CHECK(actual_ns == expected_ns);
  } else {
    // In bad weather a peer learns late that it is connected.
    CHECK(actual_ns >= expected_ns - (real_time() ? 0 : millisecond_ns));
    CHECK(actual_ns <= expected_ns + slack_ns);
  }
}

std::string get(std::string_view target, std::string_view more_fields) {
  std::string out("GET ");
  out += target;
  out += " HTTP/1.1\r\nHost: weir\r\n";
  out += more_fields;
  out += "\r\n";
  return out;
}

std::string post(std::string_view target, std::string_view body, std::string_view more_fields) {
  std::string out("POST ");
  out += target;
  out += " HTTP/1.1\r\nHost: weir\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  out += more_fields;
  out += "\r\n";
  out += body;
  return out;
}

std::string chunked_post(std::string_view target, std::vector<std::string_view> chunks) {
  std::string out("POST ");
  out += target;
  out += " HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string_view chunk : chunks) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    out += size;
    out += chunk;
    out += "\r\n";
  }
  out += "0\r\n\r\n";
  return out;
}

answer_count::answer_count(const std::vector<std::string>& methods)
    : seen_(std::make_shared<watch>()) {
  for (const std::string& m : methods) seen_->reader.expect(m);
}

sim_step answer_count::await(std::size_t n) const {
  return sim_step::await_text([w = seen_, n](std::string_view received) {
    w->look(received);
    return w->reader.complete() >= n || !w->reader.broken().empty();
  });
}

sim_step await_answers(std::size_t n, const std::vector<std::string>& methods) {
  return answer_count(methods).await(n);
}

sim_step await_interim(std::size_t n) {
  auto w = std::make_shared<progress>();
  return sim_step::await_text([w, n](std::string_view received) {
    w->look(received);
    return w->reader.interim() >= n || w->reader.complete() > 0 || !w->reader.broken().empty();
  });
}

sim_step await_that(std::function<bool()> so) {
  return sim_step::await_text([is = std::move(so)](std::string_view) { return is(); });
}

script ask(std::string bytes) {
  return {sim_step::send(std::move(bytes)), sim_step::half_close(), sim_step::await_end()};
}

script ask(std::string bytes, std::size_t answers) {
  return {sim_step::send(std::move(bytes)), await_answers(answers), sim_step::half_close(),
          sim_step::await_end()};
}

void each_stage(matter of, const std::function<void(stage&)>& test) {
  const std::vector<std::unique_ptr<stage>> stages =
      make_stages(of, Catch::getResultCapture().getCurrentTestName());
  for (const std::unique_ptr<stage>& on : stages) {
    DYNAMIC_SECTION(on->name()) {
      test(*on);
    }
  }
}

void add_behaviour(std::string name, std::function<void(stage&)> test) {
  // They live as long as the test cases do.
  static std::deque<std::pair<std::string, std::function<void(stage&)>>> kept;
  const auto& [title, run] = kept.emplace_back(std::move(name), std::move(test));
  const Catch::AutoReg added(Catch::Detail::unique_ptr<Catch::ITestInvoker>(new behaviour(run)),
                             CATCH_INTERNAL_LINEINFO, Catch::StringRef(),
                             Catch::NameAndTags(title, "[behaviour]"));
  static_cast<void>(added);
}

}  // namespace weir::http::behaviour
