// The bytes of a file in engine's run folder (run_folder.h). The first line names what it is and its form:
//
//   marea instance 1
//
// What follows has the stored form of net/wire.h, so that a field that is added at the end of a list needs no new form.
// Every form that a released marea wrote is read for ever: after an upgrade these files are all that the new engine
// knows of what it finds running. The tests have bytes of each.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/local/instance_record.h"
#include "model/instance.h"
#include "model/plan.h"

namespace marea::engine::local {

std::string print_run_file(const InstanceRecord& record);
std::string print_run_file(const model::InstanceReport& report);
std::string print_run_file(const model::Plan& plan);

// T: one of the three. `place` names the file in errors. E_NOT_ALLOWED: a form that is not known here, of a newer
// marea; E_INVALID_ARGUMENT: damaged.
template <class T>
base::Result<T> parse_run_file(std::string_view text, const std::string& place);

}  // namespace marea::engine::local
