// simulation/invariants.hpp - what holds in every simulation, by name. The sentences are in the
// source file, each beside what checks it; there is no other list.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "simulation/world.hpp"

namespace weir::simulation {

struct invariant {
  const char* name;
  const char* sentence;
  // "" when it holds, else what was seen instead.
  std::string (*check)(const outcome& o);
};

std::span<const invariant> invariants();

struct broken {
  const invariant* what = nullptr;
  std::string detail;
};
// Those that do not hold, in the order of the list.
std::vector<broken> check(const outcome& o);

}  // namespace weir::simulation
