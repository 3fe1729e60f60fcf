// Builds: a Dockerfile's images are pulled first, by jobs of their own, then it is built.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "control/control.h"
#include "pipeline/registry_error.h"
#include "pipeline/registry_reference.h"

namespace marea::control {
namespace {

constexpr std::int64_t kContextCopies = 2;  // unpacked, and in a layer; what its steps add is not known before

std::unexpected<Refusal> refusal_of_build(base::Error error) {
  return std::unexpected<Refusal>(Refusal{.error = std::move(error), .faults = {}});
}

}  // namespace

Control::Ticket Control::run(const BuildImage& command, Observer observer) {
  std::error_code absent;
  const std::uintmax_t context = std::filesystem::file_size(command.context + "/context.tar", absent);
  const std::int64_t bytes = absent ? 0 : kContextCopies * static_cast<std::int64_t>(context);
  if (auto room = check_room("build " + command.name, static_cast<std::uint64_t>(bytes), {}, RoomAsk::with_margin);
      !room) {
    observer.on_done(refusal_of_build(std::move(room.error())));
    return 0;
  }
  const Ticket ticket = ++last_build_;
  builds_[ticket] = {.command = command,
                     .observer = std::move(observer),
                     .since_unix_ns = loop_.clock().wall().unix_ns,
                     .bound = {.bytes = bytes}};
  start_build(ticket);
  return builds_.contains(ticket) ? ticket : 0;
}

void Control::cancel(Ticket ticket) {
  const auto build = builds_.find(ticket);
  if (build == builds_.end()) return;
  if (build->second.job != 0) jobs_.cancel(build->second.job);
  builds_.erase(build);
  drop_unwanted();
}

void Control::start_build(Ticket ticket) {
  Building& build = builds_.at(ticket);
  build.waits = clearing_ > 0;  // clean() starts it then
  if (build.waits) return;
  net::msg::BuildImage work{.context = build.command.context,
                            .dockerfile = build.command.dockerfile,
                            .tag = build.command.name,
                            .blobs = folders_.blobs,
                            .images = folders_.images,
                            .storage = folders_.builds};
  BuilderJobs::Job job{
      .work = std::move(work),
      .deadline = kBuildDeadline,
      .on_progress = build.observer.on_progress,
      .on_done = [this, ticket](const base::Result<model::Image>& image) { build_ended(ticket, image); }};
  job.on_start = [this, ticket](net::ControlToBuilder& all) {
    complete_build(ticket, std::get<net::msg::BuildImage>(all));
  };
  job.on_used = [this, ticket](const std::vector<std::string>& digests) {
    note_use(digests);
    if (const auto found = builds_.find(ticket); found != builds_.end()) {
      found->second.digests = {digests.begin(), digests.end()};
    }
  };
  job.on_needed = [this, ticket](const std::vector<std::string>& names) { pull_for_build(ticket, names); };
  const base::Result<std::uint64_t> added = jobs_.add(std::move(job));
  if (added) {
    build.job = *added;
    return;
  }
  finish_build(ticket, base::fail(added.error()));
}

// What it may be made on stays from here on, whatever becomes of the names; on_used tells which of these it is.
void Control::complete_build(Ticket ticket, net::msg::BuildImage& work) {
  Building& build = builds_.at(ticket);
  work.room = take_room(build.bound);
  const auto others = std::ranges::count_if(builds_, [](const auto& one) { return one.second.job != 0; }) - 1;
  work.storage_bytes = others > 0 || measuring_ ? -1 : build_bytes_;  // the builder measures it then
  for (const auto& [name, row] : names_) {
    work.known.emplace_back(name, row.digest);
    build.digests.insert(row.digest);
  }
}

// Of its job.
void Control::build_ended(Ticket ticket, const base::Result<model::Image>& image) {
  const auto found = builds_.find(ticket);
  if (found == builds_.end()) return;
  found->second.job = 0;
  found->second.bound.spare = 0;
  if (image || image.error().code != base::ErrorCode::disk_budget) return finish_build(ticket, image);
  const base::Error error = at_bound(image.error(), found->second.bound);
  const auto on_progress = found->second.observer.on_progress;  // it may cancel the build
  if (!make_more_room(found->second.bound)) return finish_build(ticket, base::fail(error));
  if (on_progress)
    on_progress("it took more of the disk than was left; what is unused goes, and the build begins anew");
  if (builds_.contains(ticket)) start_build(ticket);
}

void Control::pull_for_build(Ticket ticket, const std::vector<std::string>& names) {
  const auto found = builds_.find(ticket);
  if (found == builds_.end()) return;
  found->second.job = 0;
  found->second.bound.spare = 0;  // the pulls have their own
  if (found->second.asked) {      // and got it, and it is gone again or damaged
    return finish_build(
        ticket,
        base::fail(base::ErrorCode::image_not_found, "cannot build " + found->second.command.name,
                   "the image " + names.front() + " that a FROM names cannot be read", "Run the same command again"));
  }
  found->second.asked = true;
  found->second.awaited = names.size();
  const auto on_progress = found->second.observer.on_progress;  // it may cancel the build
  for (const std::string& name : names) {
    if (on_progress) on_progress("pulling " + name);
    obtain_image({.reference = name,
                  .wanted = [this, ticket] { return builds_.contains(ticket); },
                  .done = [this, ticket,
                           name](const base::Result<model::Image>& image) { pulled_for_build(ticket, name, image); }});
  }
}

// They get the full name of their registry, under which a later build finds them; unless a person has given it by now.
void Control::pulled_for_build(Ticket ticket, const std::string& name, const base::Result<model::Image>& image) {
  const auto found = builds_.find(ticket);
  if (found == builds_.end()) return;
  if (!image) {
    return finish_build(ticket,
                        base::fail(pipeline::base_image_error(image.error(), found->second.command.name, name)));
  }
  const auto reference = pipeline::parse_registry_reference(name);
  const std::string full = reference ? pipeline::to_string(*reference) : name;
  const auto known = names_.find(full);
  if (known == names_.end() || is_given(known->second) || !has_blob(known->second.digest)) {
    const auto named = name_image(full, *image, true);
    if (!named) return finish_build(ticket, base::fail(named.error().error));
  }
  found->second.digests.insert(image->digest);
  if (--found->second.awaited == 0) start_build(ticket);
}

void Control::finish_build(Ticket ticket, const base::Result<model::Image>& image) {
  const auto found = builds_.find(ticket);
  if (found == builds_.end()) return;
  std::error_code ignored;
  if (image && (cleaning_ > 0 || !std::filesystem::is_directory(image->rootfs, ignored))) {
    // It was there already, unused, and is being removed, or may be about to be: then it is made again after that.
    return make_image(
        image->digest, {},
        {.reference = image->digest,
         .needed = true,  // it had room before
         .wanted = [this, ticket] { return builds_.contains(ticket); },
         .done = [this, ticket](const base::Result<model::Image>& again) { finish_build(ticket, again); }});
  }
  const std::string name = found->second.command.name;
  const Done on_done = std::move(found->second.observer.on_done);
  std::expected<Outcome, Refusal> outcome =
      image ? name_image(name, *image)
            : std::expected<Outcome, Refusal>(refusal_of_build(with_what_to_remove(image.error())));
  builds_.erase(ticket);
  measure_builds();
  on_done(std::move(outcome));
}

}  // namespace marea::control
