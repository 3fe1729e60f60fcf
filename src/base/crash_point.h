// Places at which a role can be made to die, so that a test sees what its death there leaves behind: one before and
// after each change of state that another process or a later life relies on.
//
//   crash_point("engine.report.kept");
//
// The folder that MAREA_CRASH names arms them: where it has a file of the label's name, that file is removed and the
// process kills itself, once. A label that is not in the table does not compile. Release builds contain none of it.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace marea::base {

inline constexpr std::array kCrashPoints = {
    std::string_view("engine.instance.recorded"),  // written down, not yet done
    std::string_view("engine.instance.held"),      // keeper has a sandbox's descriptors, nobody has heard of it
    std::string_view("engine.instance.started"),   // the shim said so, not yet written down
    std::string_view("engine.instance.stopped"),   // SIGTERM sent, not yet written down
    std::string_view("engine.instance.dying"),     // its end is written down, its traces are there
    std::string_view("engine.instance.cleaned"),   // its traces are gone, nobody has heard of its end
    std::string_view("engine.report.kept"),        // the final report is kept, not yet sent
    std::string_view("engine.plan.taken"),         // control sent it, nothing of it is done
    std::string_view("control.store.begun"),       // a change is in the transaction
    std::string_view("control.store.committed"),   // and durable, not yet acknowledged
    std::string_view("control.routes.sent"),       // router has them, engine not yet its plan
    std::string_view("control.plan.sent"),         //
    std::string_view("control.report.taken"),      // a final report is seen, not yet acknowledged
    std::string_view("control.delete.dropped"),    // the service's rows are gone, its plan not yet
    std::string_view("router.routes.saved"),       // in the file, not yet adopted by the workers
    std::string_view("router.routes.applied"),     // adopted, control does not know yet
    std::string_view("router.drain.asked"),        // engine has said so, nothing is done yet
    std::string_view("logs.lines.read"),           // out of the pipe, not yet in the spool
    std::string_view("builder.image.unpacked"),    // whole, under a passing name
    std::string_view("builder.image.renamed"),     // control does not know yet
};

struct CrashPoint {
  // NOLINTNEXTLINE(google-explicit-constructor): a label is written where it is used
  consteval CrashPoint(const char* text) : label(text) {
    if (std::ranges::find(kCrashPoints, label) == kCrashPoints.end()) throw "not in the table of crash points";
  }
  std::string_view label;
};

#ifdef NDEBUG
inline void crash_point(CrashPoint /*point*/) {}
#else
void crash_point(CrashPoint point);
#endif

}  // namespace marea::base
