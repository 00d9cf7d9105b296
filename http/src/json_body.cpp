// http/json_body.cpp - see the header.
#include <weir/http/json_body.hpp>

#include <algorithm>
#include <vector>

#include <simdjson.h>

#include <weir/http/header.hpp>
#include <weir/http/problem.hpp>
#include <weir/platform/assert.hpp>

namespace weir::http {

namespace {

namespace dom = simdjson::dom;

// What a problem repeats of a name: enough to find it, cut between characters.
constexpr std::size_t echoed_name_bytes_max = 64;

std::string_view cut(std::string_view name) noexcept {
  if (name.size() <= echoed_name_bytes_max) return name;
  std::size_t end = echoed_name_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0u) == 0x80u) --end;
  return name.substr(0, end);
}

// application/json, or a type whose suffix says that it is JSON (RFC 6839). JSON has no charset
// but UTF-8: parameters are not looked at.
bool is_json(std::string_view content_type) noexcept {
  const std::string_view type = trim_ows(content_type.substr(0, content_type.find(';')));
  constexpr std::string_view suffix = "+json";
  if (iequals(type, application_json)) return true;
  return type.size() > suffix.size() && type.find('/') != std::string_view::npos &&
         iequals(type.substr(type.size() - suffix.size()), suffix);
}

struct finding {
  status_code status = 0;
  const char* code = "";
  const char* detail = "";
  std::string field{};
};

// Looks for a name that stands twice, in all objects. The depth is bounded by the parser's.
class twin_finder {
 public:
  explicit twin_finder(std::uint32_t fields_max) noexcept : left_(fields_max) {}
  std::optional<finding> look(const dom::element& at) {
    if (at.is_array()) {
      for (const dom::element each : dom::array(at)) {
        if (std::optional<finding> found = look(each)) return found;
      }
    } else if (at.is_object()) {
      std::vector<std::string_view> names;
      for (const dom::key_value_pair each : dom::object(at)) {
        if (left_-- == 0) return finding{400, "too_many_fields", "The JSON has too many fields."};
        names.push_back(each.key);
        if (std::optional<finding> found = look(each.value)) return found;
      }
      std::sort(names.begin(), names.end());
      const auto twin = std::adjacent_find(names.begin(), names.end());
      if (twin != names.end()) {
        return finding{400, "duplicate_field", "A field stands twice.", std::string(*twin)};
      }
    }
    return std::nullopt;
  }

 private:
  std::uint32_t left_;
};

finding explain(simdjson::error_code why) {
  switch (why) {
    case simdjson::UTF8_ERROR: return {400, "bad_utf8", "The body is not UTF-8."};
    case simdjson::DEPTH_ERROR: return {400, "json_too_deep", "The JSON is nested too deeply."};
    case simdjson::EMPTY: return {400, "empty_body", "The body is empty; a JSON object is needed."};
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY: return {503, "overloaded", "There is no memory for the body."};
    default: return {400, "bad_json", "The body is not JSON."};
  }
}

}  // namespace

struct json_body::impl {
  dom::parser parser;
  dom::object object;
  bool parsed = false;
  finding wrong;
  std::vector<std::string_view> asked;

  void find_wrong(finding found) {
    if (wrong.status == 0) wrong = std::move(found);
  }
  // The field; nothing when it is missing or null, or when something was wrong already.
  std::optional<dom::element> take(std::string_view name) {
    asked.push_back(name);
    if (wrong.status != 0 || !parsed) return std::nullopt;
    dom::element value;
    if (object.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    return value;
  }
  std::optional<dom::element> need(std::string_view name) {
    std::optional<dom::element> value = take(name);
    if (!value) {
      find_wrong({400, "missing_field", "A field is missing.", std::string(name)});
    }
    return value;
  }
  void wrong_type(std::string_view name) {
    find_wrong({400, "wrong_type", "A field has another type.", std::string(name)});
  }
  void out_of_range(std::string_view name) {
    find_wrong({400, "out_of_range", "A field is out of its range.", std::string(name)});
  }

  std::string_view text(const dom::element& value, std::string_view name, std::size_t bytes_max) {
    std::string_view out;
    if (value.get(out) != simdjson::SUCCESS) {
      wrong_type(name);
      return {};
    }
    if (out.size() <= bytes_max) return out;
    out_of_range(name);
    return {};
  }
  std::int64_t integer(const dom::element& value, std::string_view name, std::int64_t min,
                       std::int64_t max) {
    std::int64_t out = 0;
    if (value.get(out) != simdjson::SUCCESS) {
      // A whole number past 2^63 is out of range; one with a fraction is no integer.
      value.is_uint64() ? out_of_range(name) : wrong_type(name);
      return min;
    }
    if (out >= min && out <= max) return out;
    out_of_range(name);
    return min;
  }
  bool boolean(const dom::element& value, std::string_view name) {
    bool out = false;
    if (value.get(out) != simdjson::SUCCESS) wrong_type(name);
    return out;
  }
};

json_body::json_body(const request& from, const json_limits& bounds)
    : json_body(from, from.body, bounds) {}

json_body::json_body(const request& from, std::string_view body, const json_limits& bounds)
    : impl_(std::make_unique<impl>()) {
  parse(from, body, bounds);
}

json_body::~json_body() = default;

void json_body::parse(const request& from, std::string_view body, const json_limits& bounds) {
  impl& it = *impl_;
  if (!is_json(from.find("content-type").value_or(""))) {
    return it.find_wrong({415, "unsupported_media_type", "The body has to be application/json."});
  }
  simdjson::error_code why = it.parser.allocate(std::max<std::size_t>(body.size(), 32),
                                                std::max<std::uint32_t>(bounds.depth_max, 1));
  dom::element root;
  // Copied with the padding the parser wants: a view into a lent buffer has none of ours behind it.
  // Nothing may be at no address at all, from where nothing may be copied either.
  if (why == simdjson::SUCCESS && body.empty()) why = simdjson::EMPTY;
  if (why == simdjson::SUCCESS) why = it.parser.parse(body.data(), body.size(), true).get(root);
  if (why != simdjson::SUCCESS) return it.find_wrong(explain(why));
  if (root.get(it.object) != simdjson::SUCCESS) {
    return it.find_wrong({400, "not_an_object", "The body must be an object."});
  }
  it.parsed = true;
  if (std::optional<finding> found = twin_finder(bounds.fields_max).look(root)) {
    it.find_wrong(std::move(*found));
  }
}

std::string_view json_body::text(std::string_view name, std::size_t bytes_max) {
  const std::optional<dom::element> value = impl_->need(name);
  return value ? impl_->text(*value, name, bytes_max) : std::string_view{};
}

std::int64_t json_body::integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const std::optional<dom::element> value = impl_->need(name);
  return value ? impl_->integer(*value, name, min, max) : min;
}

double json_body::number(std::string_view name, double min, double max) {
  const std::optional<dom::element> value = impl_->need(name);
  if (!value) return min;
  double out = min;
  if (value->get(out) != simdjson::SUCCESS) {
    impl_->wrong_type(name);
    return min;
  }
  if (out >= min && out <= max) return out;
  impl_->out_of_range(name);
  return min;
}

bool json_body::boolean(std::string_view name) {
  const std::optional<dom::element> value = impl_->need(name);
  return value && impl_->boolean(*value, name);
}

std::string_view json_body::text(std::string_view name, std::string_view otherwise,
                                 std::size_t bytes_max) {
  const std::optional<dom::element> value = impl_->take(name);
  return value ? impl_->text(*value, name, bytes_max) : otherwise;
}

std::int64_t json_body::integer(std::string_view name, std::int64_t min, std::int64_t max,
                                std::int64_t otherwise) {
  const std::optional<dom::element> value = impl_->take(name);
  return value ? impl_->integer(*value, name, min, max) : otherwise;
}

bool json_body::boolean(std::string_view name, bool otherwise) {
  const std::optional<dom::element> value = impl_->take(name);
  return value ? impl_->boolean(*value, name) : otherwise;
}

bool json_body::complete() {
  impl& it = *impl_;
  if (it.wrong.status != 0 || !it.parsed) return false;
  for (const dom::key_value_pair each : it.object) {
    if (std::find(it.asked.begin(), it.asked.end(), each.key) != it.asked.end()) continue;
    it.find_wrong({400, "unknown_field", "A field is not known here.", std::string(each.key)});
    return false;
  }
  return true;
}

response json_body::problem() const {
  const finding& wrong = impl_->wrong;
  WEIR_ASSERT(wrong.status != 0);
  return problem_response(wrong.status, wrong.code, wrong.detail, cut(wrong.field));
}

void json_body::refuse(const char* code, std::string_view name) {
  impl_->find_wrong({400, code, "A field is not accepted.", std::string(name)});
}

}  // namespace weir::http
