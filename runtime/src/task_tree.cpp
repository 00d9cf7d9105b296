// runtime/task_tree.cpp - see the header.
#include <weir/runtime/task_tree.hpp>

#include <cstdio>

#include <weir/runtime/scheduler.hpp>

namespace weir::runtime {

namespace {

class printer {
 public:
  printer(time_ns now_ns, std::size_t lines_max) : now_ns_(now_ns), lines_max_(lines_max) {}

  // Recursion as deep as scopes are nested in code: not something a peer decides.
  void print(const scope& s, int depth) {
    char rest[96] = "";
    if (s.why()) {
      std::snprintf(rest, sizeof rest, ", cancelled: %s %s", to_string(s.why().code),
                    s.why().where);
    } else if (s.deadline_ns() != never_ns) {
      std::snprintf(rest, sizeof rest, ", due in %.3fs", seconds(s.deadline_ns() - now_ns_));
    }
    line(depth, s.name(), s.since_ns(), rest);
    for (const wait_node* w = s.first_parked(); w != nullptr; w = w->next_parked()) {
      line(depth + 1, w->what(), w->since_ns(), "");
    }
    for (const scope* c = s.first_child(); c != nullptr; c = c->next_sibling()) {
      print(*c, depth + 1);
    }
  }

  std::string take() {
    if (omitted_ > 0) text_ += "... and " + std::to_string(omitted_) + " lines more\n";
    return std::move(text_);
  }

 private:
  static double seconds(time_ns span_ns) { return static_cast<double>(span_ns) / 1e9; }

  void line(int depth, const char* name, time_ns since_ns, const char* rest) {
    if (lines_ == lines_max_) {
      ++omitted_;
      return;
    }
    ++lines_;
    char text[256];
    std::snprintf(text, sizeof text, "%*s%s %.3fs%s\n", depth * 2, "", name,
                  seconds(now_ns_ - since_ns), rest);
    text_ += text;
  }

  time_ns now_ns_;
  std::size_t lines_max_;
  std::size_t lines_ = 0;
  std::size_t omitted_ = 0;
  std::string text_;
};

}  // namespace

std::string task_tree(scheduler& of, std::size_t lines_max) {
  printer out(of.now_ns(), lines_max);
  out.print(of.root(), 0);
  return out.take();
}

}  // namespace weir::runtime
