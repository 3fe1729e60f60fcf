// model::Routes, made ready for lookup: one hash from host to service, one comparison per share to a revision.
// Immutable; every worker holds one and swaps it between events. Of a service with neither rules nor a release a
// request reads one null pointer (steering) and nothing else of these.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "decide/split.h"
#include "model/routes.h"
#include "router/revision.h"
#include "router/rule_set.h"

namespace marea::router {

class RouteTable {
 public:
  struct RevisionEntry {
    std::shared_ptr<Revision> live;
    base::Duration timeout{};
    std::uint32_t index = 0;  // 0 … revisions() - 1 within this table
  };
  struct Share {
    std::uint32_t until = 0;  // cumulative weight
    const RevisionEntry* revision = nullptr;
  };
  // Where a release's requests are counted (release_watch.h).
  struct ReleaseSeat {
    std::uint32_t number = 0;          // 0: nowhere
    base::Instant zero{};              // when its tick 0 began
    std::uint64_t zero_unix_tick = 0;  // that tick since 1970
    std::uint64_t first_tick = 0;      // the first that this router's memory has
  };
  struct Release {
    const RevisionEntry* stable = nullptr;
    const RevisionEntry* canary = nullptr;
    std::uint32_t weight = 0;  // buckets of the canary
    decide::Split split;
    base::Duration objective{};
    model::StickyKey sticky = model::StickyKey::cookie;
    std::string header;
    ReleaseSeat seat;
  };
  // Where an experiment's requests are counted (experiment_watch.h).
  struct ExperimentSeat {
    std::uint32_t number = 0;           // 0: nowhere
    base::Instant zero{};               // when this router's memory of it began,
    std::uint64_t zero_unix_tick = 0;   // that tick since 1970,
    std::uint64_t began_unix_tick = 0;  // and that in which the experiment did
  };
  struct Experiment {
    std::shared_ptr<const model::ExperimentRoute> route;
    std::vector<const RevisionEntry*> arms;
    std::vector<std::uint32_t> until;        // by arm: the first bucket that is no more of it
    std::size_t control = 0;                 // its revision is for those who take no part
    std::shared_ptr<const RuleSet> consent;  // whom it does not match takes no part; null: everybody does
    decide::Split split;
    ExperimentSeat seat;
  };
  struct Steering {
    std::shared_ptr<const RuleSet> rules;       // null: none
    std::vector<const RevisionEntry*> targets;  // by rule; null: the rule is passed over
    std::vector<bool> usable;                   // the same: which are not null
    std::optional<Release> release;
    std::optional<Experiment> experiment;
    bool key_cookie = false;  // marea_key is ours, also while an arm is absent
    bool own_paths = false;   // so is what is below /.marea/, also when no experiment runs
  };
  struct ServiceEntry {
    base::ServiceName name;
    std::vector<Share> shares;
    std::string unready;
    model::RateLimit rate_limit;
    std::uint64_t hash = 0;                    // of its name: the same in every table
    bool affine = false;                       // clients of a revision of it come back to their instance
    std::unique_ptr<const Steering> steering;  // null: the shares alone decide
  };
  using Live = std::function<std::shared_ptr<Revision>(const model::RevisionRoute&)>;

  struct Seats {
    std::function<ReleaseSeat(const model::ReleaseRoute&)> of_release;
    std::function<ExperimentSeat(const model::ExperimentRoute&)> of_experiment;
  };

  // `live` gives the shared part of each revision. Shares of revisions that `routes` does not have are left out.
  // Without `seats` releases and experiments are not counted. Compiled rules are taken from the table before where they
  // are the same.
  RouteTable(const model::Routes& routes, const Live& live, const Seats& seats = {},
             const RouteTable* before = nullptr);
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  std::uint64_t version() const { return version_; }
  std::size_t revisions() const { return revisions_.size(); }
  // `host` as the request has it, without port: any case, perhaps with the final dot.
  const ServiceEntry* find(std::string_view host) const;
  // By weight; null when no revision has a share. `random` is uniform.
  static const RevisionEntry* pick(const ServiceEntry& service, std::uint64_t random);
  // The one with this mark (affinity.h) when it has a share; else by weight.
  static const RevisionEntry* pick(const ServiceEntry& service, std::uint64_t affinity, std::uint64_t random);

 private:
  using ByName = std::unordered_map<std::string_view, const RevisionEntry*>;
  static std::optional<Experiment> experiment_of(const model::ServiceRoute& route, const ByName& revisions,
                                                 const Seats& seats);
  static std::unique_ptr<const Steering> steering_of(const model::ServiceRoute& route, const ByName& revisions,
                                                     const Seats& seats, const RouteTable* before);
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::uint64_t version_;
  std::vector<RevisionEntry> revisions_;
  std::vector<ServiceEntry> services_;
  std::unordered_map<std::string, const ServiceEntry*, Hash, std::equal_to<>> hosts_;
};

}  // namespace marea::router
