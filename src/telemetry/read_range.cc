#include "telemetry/read_range.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

namespace marea::telemetry {

std::string read_range(const std::string& path, std::int64_t from, std::size_t most) {
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string out(file ? most : 0, '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t got =
        ::pread(file.get(), out.data() + have, out.size() - have, from + static_cast<std::int64_t>(have));
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

}  // namespace marea::telemetry
