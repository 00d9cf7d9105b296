// tests/support/echo_loop.hpp - a small server over a bare poller: what it reads it sends back.
//
// Not a model of how to write one (the runtime is); the least program that uses every kind of
// operation, for tests of pollers and of what watches them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <weir/platform/poller.hpp>

namespace weir::test {

class echo_loop {
 public:
  // Closes a connection on which nothing happened for `idle_ns`. With `owned` reads are started
  // with memory, otherwise the loop waits readable and tries.
  echo_loop(platform::poller& p, time_ns idle_ns, bool owned)
      : p_(p), idle_ns_(idle_ns), owned_(owned) {}

  result<address> listen(const address& at) {
    const result<platform::socket_id> id = p_.listen(at, {});
    if (!id) return id.why();
    listener_ = id.value();
    next_accept();
    return p_.local_address(listener_);
  }

  // Runs until the time is `due_ns`, or wait() fails.
  error run(time_ns due_ns) {
    std::array<platform::completion, 8> out{};
    for (;;) {
      time_ns next_ns = due_ns;
      for (const auto& c : connections_) {
        if (c->open && !c->asked) next_ns = c->idle_due_ns < next_ns ? c->idle_due_ns : next_ns;
      }
      const result<std::size_t> n = p_.wait(out, next_ns);
      if (!n) return n.why();
      for (std::size_t i = 0; i < n.value(); ++i) handle(out[i]);
      const time_ns now = p_.now_ns();
      for (const auto& c : connections_) {
        if (c->open && !c->asked && c->idle_due_ns <= now) give_up(*c);
      }
      if (now >= due_ns) return {};
    }
  }

  std::size_t accepted() const { return connections_.size(); }

 private:
  struct connection;
  struct operation {
    connection* of = nullptr;  // null: the accept
    bool writes = false;
    platform::operation_id id{};
  };
  struct connection {
    platform::socket_id socket{};
    operation reading{};
    operation writing{};
    std::string into;      // lent to a receive
    std::string outgoing;  // lent to a send: changed only between two of them
    std::string waiting;   // read, not yet given to a send
    time_ns idle_due_ns = 0;
    bool open = true;
    bool eof = false;
    bool asked = false;
  };

  void next_accept() {
    for (;;) {
      const platform::started s = p_.accept(listener_, nullptr, &accepting_);
      if (s.pending()) return;
      if (!s.why) {
        adopt(s.value);
      } else if (s.why != errc::aborted && s.why != errc::handles_exhausted) {
        return;
      }
    }
  }
  void adopt(std::uint64_t value) {
    const result<platform::socket_id> id = p_.adopt(static_cast<platform::native_socket>(value));
    if (!id) return;
    connections_.push_back(std::make_unique<connection>());
    connection& c = *connections_.back();
    c.socket = id.value();
    c.reading = {&c, false, {}};
    c.writing = {&c, true, {}};
    c.into.resize(512);
    moved(c);
    read(c);
  }
  void moved(connection& c) { c.idle_due_ns = due_after(p_.now_ns(), idle_ns_); }
  void finish(connection& c) {
    if (!c.open) return;
    c.open = false;
    p_.close(c.socket);
  }
  void give_up(connection& c) {
    // Ask, and close when the answer is there: what the runtime does.
    c.asked = true;
    p_.cancel(c.reading.id);
    if (!c.reading.id.valid()) finish(c);
  }

  void read(connection& c) {
    // Still pending as far as we have heard: its memory, or its news, is not ours yet.
    if (c.reading.id.valid()) return;
    while (c.open && !c.eof && c.waiting.size() < 4096) {
      if (owned_) {
        const platform::started s = p_.receive(
            c.socket, {reinterpret_cast<std::byte*>(c.into.data()), c.into.size()}, &c.reading);
        c.reading.id = s.id;
        if (s.pending()) return;
        taken(c, s.value, s.why);
        continue;
      }
      const result<std::size_t> n =
          p_.try_receive(c.socket, {reinterpret_cast<std::byte*>(c.into.data()), c.into.size()});
      if (n || n.why() != errc::would_block) {
        taken(c, n ? n.value() : 0, n.why());
        continue;
      }
      const platform::started s = p_.wait_readable(c.socket, &c.reading);
      c.reading.id = s.id;
      if (s.pending()) return;
      if (s.why) taken(c, 0, s.why);
    }
  }
  void taken(connection& c, std::size_t n, error why) {
    if (why == errc::eof) {
      c.eof = true;
      if (c.waiting.empty() && !c.writing.id.valid()) finish(c);
    } else if (why) {
      finish(c);
    } else {
      moved(c);
      c.waiting.append(c.into, 0, n);
      write(c);
    }
  }
  void write(connection& c) {
    while (c.open && !c.writing.id.valid() && !c.waiting.empty()) {
      const byte_view part = as_bytes(c.waiting);
      const result<std::size_t> n = p_.try_send(c.socket, {&part, 1});
      if (n) {
        c.waiting.erase(0, n.value());
        continue;
      }
      if (n.why() != errc::would_block) return finish(c);
      c.outgoing = c.waiting;
      const platform::started s = p_.send(c.socket, as_bytes(c.outgoing), &c.writing);
      c.writing.id = s.id;
      if (s.pending()) return;
      if (s.why) return finish(c);
      c.waiting.erase(0, s.value);
    }
    if (c.eof && c.waiting.empty() && !c.writing.id.valid()) finish(c);
  }

  void handle(const platform::completion& done) {
    operation& o = *static_cast<operation*>(done.context);
    if (o.of == nullptr) {
      if (!done.why) adopt(done.value);
      if (done.why != errc::cancelled) next_accept();
      return;
    }
    connection& c = *o.of;
    o.id = {};
    if (o.writes) {
      if (!c.open) return;
      if (done.why) return finish(c);
      moved(c);
      c.waiting.erase(0, done.value);
      write(c);
      read(c);
      return;
    }
    if (c.asked) return finish(c);
    if (!c.open) return;
    if (owned_ || done.why) {
      taken(c, done.value, done.why);
    }
    if (!c.reading.id.valid()) read(c);
  }

  platform::poller& p_;
  time_ns idle_ns_;
  bool owned_;
  platform::socket_id listener_{};
  operation accepting_{};
  std::vector<std::unique_ptr<connection>> connections_;
};

}  // namespace weir::test
