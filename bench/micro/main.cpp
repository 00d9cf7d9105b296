// bench/micro/main.cpp - times the cases, or runs one of them for somebody who counts otherwise.
//
//   weir_micro               each case as a line of JSON: name, what it is, best and median ns
//   weir_micro --list        their names
//   weir_micro NAME TIMES    one of them so many times, and nothing else (for callgrind)
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <string_view>

#include <weir/platform/time.hpp>

#include "micro.hpp"

namespace {

using weir::time_ns;
using weir::bench::micro_case;

constexpr std::size_t samples = 15;
constexpr time_ns sample_ns = 10 * weir::millisecond_ns;

constexpr auto groups = std::to_array({
    &weir::bench::parser_cases,
    &weir::bench::response_cases,
    &weir::bench::timer_cases,
    &weir::bench::task_cases,
});

template <class Visit>
void each_case(Visit visit) {
  for (const auto group : groups) {
    for (const micro_case& one : group()) visit(one);
  }
}

time_ns time_of(const micro_case& one, std::uint64_t times) {
  // Of this process alone: what others do beside it does not count.
  const std::clock_t begin = std::clock();
  one.run(times);
  return (std::clock() - begin) * (weir::second_ns / CLOCKS_PER_SEC);
}

void measure(const micro_case& one) {
  std::uint64_t times = 1'000;
  while (time_of(one, times) < sample_ns) times *= 2;
  std::array<double, samples> each_ns{};
  for (double& each : each_ns) {
    each = static_cast<double>(time_of(one, times)) / static_cast<double>(times);
  }
  std::sort(each_ns.begin(), each_ns.end());
  std::printf("{\"name\": \"%s\", \"about\": \"%s\", \"best_ns\": %.2f, \"median_ns\": %.2f}\n",
              one.name, one.about, each_ns.front(), each_ns[samples / 2]);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    each_case(&measure);
    return 0;
  }
  const std::string_view name = argv[1];
  if (argc == 2 && name == "--list") {
    each_case([](const micro_case& one) { std::printf("%s\n", one.name); });
    return 0;
  }
  std::uint64_t times = 0;
  if (argc == 3) {
    const std::string_view text = argv[2];
    std::from_chars(text.data(), text.data() + text.size(), times);
  }
  bool found = false;
  each_case([&](const micro_case& one) {
    if (name != one.name || times == 0) return;
    found = true;
    one.run(times);
  });
  if (!found) std::fprintf(stderr, "usage: weir_micro [--list | NAME TIMES]\n");
  return found ? 0 : 2;
}
