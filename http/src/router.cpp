// http/router.cpp - a tree with one level per path segment.
#include <weir/http/router.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace weir::http {

struct route_table::node {
  struct literal {
    std::string text;
    std::unique_ptr<node> child;
  };
  std::vector<literal> literals;  // sorted by text
  std::unique_ptr<node> param;
  std::unique_ptr<node> rest;

  // What ends here: one pattern, one index for each method in `methods`.
  std::string pattern;
  std::vector<std::string> names;
  method_set methods;
  std::array<std::size_t, methods_known> indices{};

  node& literal_child(std::string_view text) {
    const auto at = std::lower_bound(
        literals.begin(), literals.end(), text,
        [](const literal& entry, std::string_view wanted) { return entry.text < wanted; });
    if (at != literals.end() && at->text == text) return *at->child;
    return *literals.insert(at, literal{std::string(text), std::make_unique<node>()})->child;
  }
};

// Patterns without a parameter, by the whole path: most requests are for one of them, and a literal
// goes before a parameter on every level of the tree, so that what stands here is what the tree
// would find. Open addressing, at most half full. The keys are the program's own, which is why a
// cheap hash will do.
class route_table::literal_paths {
 public:
  void add(const node& end) {
    paths_.push_back(&end);
    longest_ = std::max(longest_, end.pattern.size());
    slots_.assign(std::bit_ceil(2 * paths_.size()), nullptr);
    for (const node* const each : paths_) *slot_of(each->pattern) = each;
  }

  const node* find(std::string_view path) const noexcept {
    if (path.size() > longest_) return nullptr;
    return *slot_of(path);
  }

 private:
  static std::size_t hash(std::string_view text) noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
    std::uint64_t sum = text.size();
    while (text.size() >= sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data(), sizeof word);
      sum = std::rotl((sum ^ word) * odd, 29);
      text.remove_prefix(sizeof word);
    }
    for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * odd;
    return static_cast<std::size_t>(sum ^ sum >> 32);
  }

  // Where `path` stands, or the empty slot where it would.
  template <class Slots>
  static auto* slot_in(Slots& slots, std::string_view path) noexcept {
    std::size_t at = hash(path);
    for (;; ++at) {
      auto& slot = slots[at & (slots.size() - 1)];
      if (slot == nullptr || slot->pattern == path) return &slot;
    }
  }
  const node** slot_of(std::string_view path) noexcept { return slot_in(slots_, path); }
  const node* const* slot_of(std::string_view path) const noexcept { return slot_in(slots_, path); }

  std::vector<const node*> paths_;
  std::vector<const node*> slots_ = std::vector<const node*>(1);
  std::size_t longest_ = 0;
};

route_table::route_table()
    : root_(std::make_unique<node>()), literals_(std::make_unique<literal_paths>()) {}
route_table::~route_table() = default;
route_table::route_table(route_table&&) noexcept = default;
route_table& route_table::operator=(route_table&&) noexcept = default;

namespace {

enum class segment_kind : std::uint8_t { literal, param, rest, bad };

struct segment {
  segment_kind kind = segment_kind::bad;
  std::string_view text;  // the literal, or the name of the parameter
};

bool is_name(std::string_view text) noexcept {
  if (text.empty()) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

segment read_segment(std::string_view text) noexcept {
  constexpr std::string_view dots = "...";
  if (text.size() > 2 && text.front() == '{' && text.back() == '}') {
    std::string_view name = text.substr(1, text.size() - 2);
    const bool rest = name.size() > dots.size() && name.substr(name.size() - dots.size()) == dots;
    if (rest) name.remove_suffix(dots.size());
    if (!is_name(name)) return {};
    return {rest ? segment_kind::rest : segment_kind::param, name};
  }
  // A canonical path has no dot segments, so such a pattern could never match.
  if (text == "." || text == ".." || text.find_first_of("{}?#") != std::string_view::npos)
    return {};
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (has_control) return {};
  return {segment_kind::literal, text};
}

// Splits off the first segment of a path whose leading '/' is gone. False behind the last one.
bool next_segment(std::string_view& rest, bool& more, std::string_view& out) noexcept {
  if (!more) return false;
  const std::size_t slash = rest.find('/');
  out = rest.substr(0, slash);
  more = slash != std::string_view::npos;
  rest = more ? rest.substr(slash + 1) : std::string_view{};
  return true;
}

}  // namespace

error route_table::add(method verb, std::string_view pattern, std::size_t index) {
  if (verb == method::unknown || verb == method::connect || verb == method::trace) {
    return error(errc::invalid, "route method");
  }
  if (pattern.empty() || pattern[0] != '/') return error(errc::invalid, "route pattern");
  // Read it whole before the tree is touched.
  std::vector<segment> segments;
  std::vector<std::string> names;
  std::string_view rest = pattern.substr(1);
  bool more = true;
  for (std::string_view text; next_segment(rest, more, text);) {
    const segment next = read_segment(text);
    if (next.kind == segment_kind::bad) return error(errc::invalid, "route pattern");
    if (next.kind == segment_kind::rest && more) return error(errc::invalid, "route pattern");
    if (next.kind != segment_kind::literal) {
      if (std::find(names.begin(), names.end(), next.text) != names.end()) {
        return error(errc::invalid, "route parameter name");
      }
      names.emplace_back(next.text);
    }
    segments.push_back(next);
  }
  if (names.size() > route_params_max) return error(errc::limit, "route_params_max");

  node* at = root_.get();
  for (const segment& next : segments) {
    if (next.kind == segment_kind::literal) {
      at = &at->literal_child(next.text);
      continue;
    }
    std::unique_ptr<node>& child = next.kind == segment_kind::param ? at->param : at->rest;
    if (child == nullptr) child = std::make_unique<node>();
    at = child.get();
  }
  if (at->methods.has(verb)) return error(errc::exists, "route");
  if (at->methods.empty()) {
    const bool literal = std::all_of(segments.begin(), segments.end(), [](const segment& each) {
      return each.kind == segment_kind::literal;
    });
    at->pattern = pattern;
    at->names = std::move(names);
    if (literal) literals_->add(*at);
  } else if (at->pattern != pattern) {
    // One path has one pattern: it is the label of its metrics.
    return error(errc::exists, "route parameter name");
  }
  at->methods.add(verb);
  at->indices[static_cast<std::size_t>(verb)] = index;
  methods_.add(verb);
  return {};
}

namespace {

struct walk_values {
  std::array<std::string_view, route_params_max> values;
  std::size_t size = 0;
};

// Depth first, most specific way first. A tree has one way to each node, so a lookup visits no
// node twice: its cost is bounded by the number of routes, whatever the path.
template <class Node>
const Node* find(const Node& at, std::string_view rest, bool more, walk_values& found) noexcept {
  const std::string_view whole = rest;
  std::string_view text;
  if (!next_segment(rest, more, text)) return at.methods.empty() ? nullptr : &at;
  const auto literal = std::lower_bound(
      at.literals.begin(), at.literals.end(), text,
      [](const auto& entry, std::string_view wanted) { return entry.text < wanted; });
  if (literal != at.literals.end() && literal->text == text) {
    if (const Node* const end = find(*literal->child, rest, more, found)) return end;
  }
  const std::size_t size = found.size;
  if (at.param != nullptr && !text.empty()) {
    found.values[found.size++] = text;
    if (const Node* const end = find(*at.param, rest, more, found)) return end;
    found.size = size;
  }
  if (at.rest != nullptr) {
    found.values[found.size++] = whole;
    return at.rest.get();
  }
  return nullptr;
}

method_set with_head(method_set methods) noexcept {
  if (methods.has(method::get)) methods.add(method::head);
  return methods;
}

}  // namespace

route_match route_table::match(method verb, std::string_view path) const noexcept {
  route_match out;
  if (path == "*") {
    out.verdict =
        verb == method::options ? route_verdict::server_options : route_verdict::not_found;
    out.allow = methods();
    return out;
  }
  walk_values found;
  const node* end = literals_->find(path);
  if (end == nullptr && !path.empty() && path[0] == '/') {
    end = find(*root_, path.substr(1), true, found);
  }
  if (end == nullptr) {
    // TRACE is never answered here (RFC 9110 9.3.8), whatever the path.
    if (verb == method::trace) {
      out.verdict = route_verdict::method_not_allowed;
      out.allow = methods();
    }
    return out;
  }
  out.pattern = end->pattern;
  out.allow = with_head(end->methods);
  WEIR_ASSERT(found.size == end->names.size());
  for (std::size_t i = 0; i < found.size; ++i) out.params.add(end->names[i], found.values[i]);
  const method answered_by = verb == method::head && !end->methods.has(verb) ? method::get : verb;
  if (verb == method::unknown || !end->methods.has(answered_by)) {
    out.verdict = route_verdict::method_not_allowed;
    return out;
  }
  out.verdict = route_verdict::found;
  out.index = end->indices[static_cast<std::size_t>(answered_by)];
  return out;
}

method_set route_table::methods() const noexcept {
  method_set out = with_head(methods_);
  out.add(method::options);
  return out;
}

}  // namespace weir::http
