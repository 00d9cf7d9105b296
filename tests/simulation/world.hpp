// simulation/world.hpp - runs one scenario against the real server, and keeps what was seen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weir/http/server.hpp>
#include <weir/platform/sim.hpp>

#include "simulation/scenario.hpp"
#include "support/answer_reader.hpp"

namespace weir::simulation {

// What one client saw.
struct witness {
  platform::sim_record record;
  std::vector<test::answer> answers;
  std::size_t complete = 0;
  std::string broken;
  // Of a client with a session: how much of what its script said reached the wire as it was.
  std::size_t whole_bytes = 0;
};

struct outcome {
  scenario what;
  std::vector<witness> seen;
  http::server_counters counters;
  http::drain_report report;
  bool clients_ended = false;  // all of them, in bounded virtual time
  bool stopped = false;        // the server, in bounded virtual time
  bool poller_failed = false;  // poll_once() said an error
  time_ns drain_took_ns = 0;
  std::uint32_t connections_left = 0;
  std::uint32_t sockets_left = 0;
  std::uint32_t operations_left = 0;
  std::uint32_t slots_leaked = 0;
  std::uint32_t endpoints_left = 0;
  bool timers_left = false;
  std::size_t frame_bytes_left = 0;
  std::vector<std::string> contract;  // broken by the poller, as the auditor saw it
  std::vector<std::string> memory;    // touched by the server while it was the kernel's
  std::string tree;                   // who still waits, when something does
  std::uint64_t digest = 0;
  std::uint64_t planted = 0;
  std::vector<std::string> trace;  // when asked for
};

outcome run(const scenario& what, std::size_t trace_lines_max = 0);

}  // namespace weir::simulation
