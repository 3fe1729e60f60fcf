// The platform's own scaling, src/decide/scale, in the plant: it sees what the router would show it.
#pragma once

#include <vector>

#include "decide/scale.h"
#include "sim/scale/plant.h"

namespace marea::sim::scale {

class Marea final : public Scaler {
 public:
  explicit Marea(const LoadedService& service);
  Advice look(const Plant& plant, base::Instant now) override;
  base::Duration attention() const override { return decide::kLookEvery; }

 private:
  decide::ScaleTerms terms_;
  decide::Scale scale_;
  std::vector<bool> known_ready_;
};

}  // namespace marea::sim::scale
