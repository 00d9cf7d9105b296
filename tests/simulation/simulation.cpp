// simulation/simulation.cpp - runs seeded simulations of clients against the server.
//
//   weir_simulation                      seeds 1 to 1000
//   weir_simulation --count N --from N   others
//   weir_simulation --seed N             one, with a transcript
//   weir_simulation --planted BUG        looks for a bug that is planted, and for it again by its
//                                        seed: double_completion, lost_wake, stale_generation of
//                                        the network, lost_close_notify of a secure server
//   weir_simulation --tls ...            the server is secure, and its clients are too
//   weir_simulation --list               the invariants
//
// Exit code: 0 when every invariant held (with --planted: when the bug was found, twice).
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "simulation/invariants.hpp"
#include "support/raw_abort.hpp"

using namespace weir;
using namespace weir::simulation;
using platform::sim_bug;
using platform::sim_end;

namespace {

struct request_line {
  std::uint64_t from = 1;
  std::uint64_t count = 1'000;
  bool one = false;
  asked_for what;
  const char* planted = nullptr;  // its name
};

struct bug_name {
  const char* name;
  sim_bug of_network;
  session_bug of_sessions;
};
constexpr bug_name bugs[] = {{"double_completion", sim_bug::double_completion, session_bug::none},
                             {"lost_wake", sim_bug::lost_wake, session_bug::none},
                             {"stale_generation", sim_bug::stale_generation, session_bug::none},
                             {"lost_close_notify", sim_bug::none, session_bug::lost_close_notify}};

const char* to_string(sim_end end) {
  switch (end) {
    case sim_end::unconnected: return "unconnected";
    case sim_end::open: return "open";
    case sim_end::eof: return "eof";
    case sim_end::reset: return "reset";
    case sim_end::closed: return "closed by the client";
  }
  return "?";
}

void print_text(const char* title, std::string_view bytes, std::size_t bytes_max) {
  std::printf("  %s, %zu bytes:\n    ", title, bytes.size());
  const std::string_view shown = bytes.substr(0, bytes_max);
  for (const char c : shown) {
    if (c == '\n') {
      std::printf("\\n\n    ");
    } else if (c == '\r') {
      std::printf("\\r");
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) {
      std::printf("\\x%02x", static_cast<unsigned char>(c));
    } else {
      std::putchar(c);
    }
  }
  std::printf("%s\n", shown.size() < bytes.size() ? "..." : "");
}

void print_transcript(const outcome& o) {
  const platform::sim_options& n = o.what.network;
  std::printf(
      "seed %" PRIu64 ": digest %016" PRIx64 ", latency %lld..%lld us, pipe %zu, segment %zu%s%s\n",
      o.what.seed, o.digest, static_cast<long long>(n.latency_min_ns / microsecond_ns),
      static_cast<long long>(n.latency_max_ns / microsecond_ns), n.pipe_bytes, n.segment_bytes,
      n.kernel_owns_buffers ? ", kernel owns buffers" : "", n.shuffle ? ", shuffled" : "");
  std::printf("storms (permille): receive %u, send %u, would_block %u, early %u\n",
              n.short_receive_permille, n.short_send_permille, n.would_block_permille,
              n.early_readable_permille);
  for (std::size_t i = 0; i < o.seen.size(); ++i) {
    const platform::sim_record& r = o.seen[i].record;
    std::printf("client %zu: %s\n", i, o.what.clients[i].plan.c_str());
    std::printf("  %zu answers, end: %s, %lld us after connecting; sent %" PRIu64 " of %zu bytes\n",
                o.seen[i].complete, to_string(r.end),
                static_cast<long long>((r.ended_ns - r.connected_ns) / microsecond_ns),
                r.sent_bytes, o.what.clients[i].sent.size());
    print_text("asks", o.what.clients[i].sent, 2'000);
    print_text("received", r.received, 2'000);
  }
  std::printf("network events (ns, what, whom, more):\n");
  for (const std::string& line : o.trace) std::printf("  %s\n", line.c_str());
}

// What repeats one simulation, for people.
std::string command(const char* program, std::uint64_t seed, const request_line& asked) {
  std::string text = program;
  if (asked.what.secure) text += " --tls";
  text += " --seed " + std::to_string(seed);
  if (asked.planted != nullptr) text += std::string(" --planted ") + asked.planted;
  return text;
}

void print_repeat(const char* program, std::uint64_t seed, const request_line& asked) {
  std::printf("  repeat it: %s\n", command(program, seed, asked).c_str());
}

// For an assertion of the server, which ends the process.
char last_words[512];

std::vector<broken> run_seed(const char* program, std::uint64_t seed, const request_line& asked,
                             outcome& out, std::size_t trace_lines_max = 0) {
  std::snprintf(last_words, sizeof last_words,
                "seed %" PRIu64 " ended the program; repeat it: %s\n", seed,
                command(program, seed, asked).c_str());
  out = run(draw(seed, asked.what), trace_lines_max);
  return check(out);
}

int run_one(const char* program, const request_line& asked) {
  outcome out;
  const std::vector<broken> found = run_seed(program, asked.from, asked, out, 20'000);
  print_transcript(out);
  for (const broken& b : found) {
    std::printf("BROKEN %s: %s\n  (%s)\n", b.what->name, b.detail.c_str(), b.what->sentence);
  }
  std::printf("seed %" PRIu64 ": %s\n", asked.from,
              found.empty() ? "all invariants hold" : "broken");
  return found.empty() ? 0 : 1;
}

int run_many(const char* program, const request_line& asked) {
  std::uint64_t failures = 0;
  std::uint64_t clients = 0;
  std::uint64_t answers = 0;
  for (std::uint64_t seed = asked.from; seed < asked.from + asked.count; ++seed) {
    outcome out;
    const std::vector<broken> found = run_seed(program, seed, asked, out);
    clients += out.seen.size();
    for (const witness& w : out.seen) answers += w.complete;
    // The same seed is the same simulation, or no failure could be repeated.
    if (seed % (asked.what.secure ? 50 : 500) == 1) {
      outcome again;
      static_cast<void>(run_seed(program, seed, asked, again));
      if (again.digest != out.digest) {
        std::printf("seed %" PRIu64 " is not the same twice\n", seed);
        std::printf("  repeat it: %s%s --from %" PRIu64 " --count 1\n", program,
                    asked.what.secure ? " --tls" : "", seed);
        ++failures;
      }
    }
    if (found.empty()) continue;
    ++failures;
    for (const broken& b : found) {
      std::printf("seed %" PRIu64 ": BROKEN %s: %s\n", seed, b.what->name, b.detail.c_str());
    }
    print_repeat(program, seed, asked);
    if (failures == 10) break;
  }
  std::printf("%" PRIu64 " simulations from seed %" PRIu64 ": %" PRIu64 " clients, %" PRIu64
              " answers, %" PRIu64 " failures\n",
              asked.count, asked.from, clients, answers, failures);
  return failures == 0 ? 0 : 1;
}

int find_planted(const char* program, const request_line& asked) {
  for (std::uint64_t seed = asked.from; seed < asked.from + asked.count; ++seed) {
    outcome out;
    const std::vector<broken> found = run_seed(program, seed, asked, out);
    if (found.empty()) continue;
    std::printf("seed %" PRIu64 " finds %s: %s: %s\n", seed, asked.planted,
                found.front().what->name, found.front().detail.c_str());
    print_repeat(program, seed, asked);
    if (out.planted == 0) {
      std::printf("but none was planted: the server or an invariant is wrong\n");
      return 1;
    }
    outcome again;
    const std::vector<broken> twice = run_seed(program, seed, asked, again);
    const bool same = !twice.empty() && twice.front().what == found.front().what &&
                      twice.front().detail == found.front().detail && again.digest == out.digest;
    std::printf("%s\n", same ? "its seed finds it again" : "its seed does NOT find it again");
    return same ? 0 : 1;
  }
  std::printf("%s was not found in %" PRIu64 " simulations\n", asked.planted, asked.count);
  return 1;
}

bool number(const char* text, std::uint64_t& out) {
  char* end = nullptr;
  out = std::strtoull(text, &end, 10);
  return end != text && *end == 0;
}

int usage() {
  std::fprintf(
      stderr,
      "weir_simulation [--tls] ([--count N] [--from N] | --seed N | --planted BUG) | --list\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  request_line asked;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--list") {
      for (const invariant& each : invariants()) std::printf("%s: %s\n", each.name, each.sentence);
      return 0;
    }
    if (flag == "--tls") {
      asked.what.secure = true;
      continue;
    }
    if (++i == argc) return usage();
    bool good = false;
    if (flag == "--seed") {
      asked.one = good = number(argv[i], asked.from);
    } else if (flag == "--from") {
      good = number(argv[i], asked.from);
    } else if (flag == "--count") {
      good = number(argv[i], asked.count);
    } else if (flag == "--planted") {
      for (const bug_name& b : bugs) {
        if (std::strcmp(argv[i], b.name) != 0) continue;
        asked.planted = b.name;
        asked.what.planted = b.of_network;
        asked.what.planted_in_sessions = b.of_sessions;
        good = true;
      }
    }
    if (!good) return usage();
  }
  if (asked.what.secure && !can_protect()) {
    std::fprintf(stderr, "this build has no TLS, or one whose numbers are its own\n");
    return 2;
  }
  test::say_on_abort(last_words);
  if (asked.one) return run_one(argv[0], asked);
  return asked.planted == nullptr ? run_many(argv[0], asked) : find_planted(argv[0], asked);
}
