// behaviour/plain_stages.cpp - HTTP over nothing but sockets, simulated and real.
#include "behaviour/stage.hpp"

namespace weir::http::behaviour {

std::vector<std::unique_ptr<stage>> make_stages(matter, std::string_view) {
  std::vector<std::unique_ptr<stage>> all;
  all.push_back(make_sim_stage("sim", weather::calm, false));
  all.push_back(make_sim_stage("sim, kernel owns buffers", weather::calm, true));
  all.push_back(make_sim_stage("sim, stormy", weather::stormy, false));
  all.push_back(make_sim_stage("sim, stormy, kernel owns buffers", weather::stormy, true));
  all.push_back(make_socket_stage("sockets"));
  return all;
}

}  // namespace weir::http::behaviour
