// apps/exit_code.hpp - how `weir` ends, whatever it was told to do.
#pragma once

namespace weir::apps::exit_code {

inline constexpr int done = 0;      // what was asked for; of a server: the drain came to its end
inline constexpr int failed = 1;    // something broke while it ran
inline constexpr int misuse = 2;    // a flag, address, file or limit that cannot be used
inline constexpr int killed = 130;  // by a signal; of a server: by a second one

}  // namespace weir::apps::exit_code
