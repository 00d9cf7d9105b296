// support/real_peers.hpp - the scripts of simulated peers, played by real sockets.
//
// One loop plays any number of peers: it sends what is due, reads as the script says, and never
// blocks but in turn(). The meaning of each step is that of platform/sim.hpp; only the time is
// real. The last step of a script may be followed by the end of the other side, which closes.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include <weir/platform/sim.hpp>

#include "support/raw_client.hpp"

namespace weir::test {

class real_peers {
 public:
  // Connects at once (loopback): the record says whether it worked.
  std::size_t connect(const address& to, std::vector<platform::sim_step> steps,
                      const raw_options& options = {},
                      std::shared_ptr<platform::sim_layer> layer = nullptr);
  const platform::sim_record& record(std::size_t peer) const { return peers_[peer].record; }
  std::size_t size() const { return peers_.size(); }
  // Of peers that have not ended: what they hold of the system.
  std::size_t open_sockets() const;

  // Waits until a peer can go on, at most `at_most_ns`, and lets all go on that can.
  void turn(time_ns at_most_ns);

 private:
  struct actor {
    raw_client socket;
    std::vector<platform::sim_step> steps;
    std::shared_ptr<platform::sim_layer> layer;
    platform::sim_record record;
    std::size_t step = 0;
    std::size_t step_sent = 0;
    std::size_t piece_left = 0;
    time_ns sleeps_until_ns = 0;
    bool wants_write = false;
    bool slow = false;
    std::size_t slow_bytes = 0;
    time_ns slow_interval_ns = 0;
    time_ns next_read_ns = 0;
    bool mid_record = false;
    std::size_t read_ahead = 0;
    std::uint64_t dice = 1;
  };
  bool over(const actor& p) const;
  void read(actor& p, std::size_t bytes_max);
  std::size_t read_once(actor& p, std::size_t bytes_max);
  void send(actor& p, time_ns now_ns);
  raw_count flush(actor& p);
  raw_count say(actor& p, std::string_view text);
  void run(actor& p, time_ns now_ns);
  bool may_read(const actor& p, time_ns now_ns) const;

  std::deque<actor> peers_;
};

}  // namespace weir::test
