// http/request.cpp - moving a request's head to memory that stays.
#include <weir/http/request.hpp>

#include <cstdint>
#include <cstring>
#include <new>

#include <weir/platform/assert.hpp>

namespace weir::http {

std::size_t copy_request_bytes(const request& from) noexcept {
  std::size_t sum = from.fields.size_bytes();
  sum += from.target.size() + from.path.size() + from.query.size() + from.authority.size();
  for (const header_field& field : from.fields) sum += field.name.size() + field.value.size();
  for (const route_params::param& p : from.params) sum += p.value.size();
  return sum;
}

request copy_request(const request& from, std::span<std::byte> arena) noexcept {
  WEIR_ASSERT(arena.size() >= copy_request_bytes(from));
  WEIR_ASSERT(reinterpret_cast<std::uintptr_t>(arena.data()) % alignof(header_field) == 0);
  auto* const fields = reinterpret_cast<header_field*>(arena.data());
  char* free = reinterpret_cast<char*>(arena.data()) + from.fields.size_bytes();
  const auto keep = [&free](std::string_view text) {
    if (!text.empty()) std::memcpy(free, text.data(), text.size());
    const std::string_view kept(free, text.size());
    free += text.size();
    return kept;
  };
  request out = from;
  out.target = keep(from.target);
  out.path = keep(from.path);
  out.query = keep(from.query);
  out.authority = keep(from.authority);
  for (std::size_t i = 0; i < from.fields.size(); ++i) {
    const std::string_view name = keep(from.fields[i].name);
    ::new (fields + i) header_field{name, keep(from.fields[i].value)};
  }
  out.fields = {fields, from.fields.size()};
  for (route_params::param& p : out.params) p.value = keep(p.value);
  return out;
}

}  // namespace weir::http
