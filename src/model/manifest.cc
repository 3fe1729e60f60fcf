#include "model/manifest.h"

namespace marea::model {

std::string to_string(const Fault& fault) {
  std::string out;
  if (fault.line > 0) out += "line " + std::to_string(fault.line) + ": ";
  if (!fault.path.empty()) out += fault.path + ": ";
  return out + fault.message;
}

}  // namespace marea::model
