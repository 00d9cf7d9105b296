// net/resolve.cpp - see the header.
#include <weir/net/resolve.hpp>

#include <string>

#include <weir/platform/resolver.hpp>

namespace weir::net {

namespace {

// The system sorts by its own policy (RFC 6724); we keep its order within a family and alternate
// between families, so that one broken family costs one attempt delay, not one for each address.
resolved interleave(std::span<const address> found) {
  resolved out;
  std::size_t v6 = 0;
  std::size_t v4 = 0;
  bool want_v6 = true;
  const auto seek = [found](std::size_t from, bool ipv6) {
    while (from < found.size() && (found[from].family() == address_family::ipv6) != ipv6) ++from;
    return from;
  };
  while (out.count < out.addresses.size()) {
    v6 = seek(v6, true);
    v4 = seek(v4, false);
    if (v6 == found.size() && v4 == found.size()) break;
    const bool take_v6 = v4 == found.size() || (want_v6 && v6 != found.size());
    out.addresses[out.count++] = take_v6 ? found[v6++] : found[v4++];
    want_v6 = !take_v6;
  }
  return out;
}

result<resolved> look_up(std::string_view host, std::uint16_t port) {
  std::array<address, 32> found;
  result<std::size_t> count = platform::resolve_blocking(host, port, found);
  if (!count.ok()) return count.why();
  return interleave({found.data(), count.value()});
}

}  // namespace

runtime::task<result<resolved>> resolve(runtime::offload& names, std::string_view host,
                                        std::uint16_t port) {
  result<address> numeric = address::parse_host(host, port);
  if (numeric.ok()) {
    resolved one;
    one.addresses[0] = numeric.value();
    one.count = 1;
    co_return one;
  }
  // The job owns its copy of the name: it may outlive this frame when the waiting is cut short.
  auto job = [name = std::string(host), port] { return look_up(name, port); };
  auto pending = names.run(std::move(job));
  result<result<resolved>> answer = co_await pending;
  if (!answer.ok()) co_return answer.why();
  co_return answer.value();
}

}  // namespace weir::net
