// Messages between roles: bytes of a compromised role either are not a message, or a message that is stable: what
// decode gives is encoded and decoded to the same bytes again.
//
// Input: a letter that picks the direction ('a' keeper to role … 'j' builder to control), the bytes of one frame.
// modules: net model base
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "must.h"
#include "net/messages.h"

namespace {

using namespace marea::net;

template <class Message>
void stable(std::string_view input) {
  const std::optional<Message> message = decode<Message>(input);
  if (!message) return;
  const std::string bytes = encode(*message);
  const std::optional<Message> again = decode<Message>(bytes);
  MUST(again.has_value());
  MUST(again->index() == message->index());
  MUST(encode(*again) == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (static_cast<unsigned>(data[0] - 'a') % 12) {
    case 0: stable<KeeperToRole>(input); break;
    case 1: stable<RoleToKeeper>(input); break;
    case 2: stable<ControlToEngine>(input); break;
    case 3: stable<EngineToControl>(input); break;
    case 4: stable<RouterToEngine>(input); break;
    case 5: stable<EngineToRouter>(input); break;
    case 6: stable<ControlToRouter>(input); break;
    case 7: stable<RouterToControl>(input); break;
    case 8: stable<ControlToBuilder>(input); break;
    case 9: stable<BuilderToControl>(input); break;
    case 10: stable<ControlToLogs>(input); break;
    default: stable<LogsToControl>(input); break;
  }
  return 0;
}
