// The desk on a port. The one place that knows the HTTP library.
#pragma once

#include <memory>
#include <string>

#include "desk.h"

namespace prestamos {

class Front {
 public:
  Front(Desk& desk, const Settings& settings);
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  // False when the port is taken.
  bool bind();
  // Until stop(); what has begun is finished before it returns.
  void serve();
  // From any thread.
  void stop();

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace prestamos
