// A small file that is replaced whole: written beside itself as PATH.new, then renamed. A reader, and whoever comes
// after a kill -9, finds the old content or the new one, never a part.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace marea::base {

inline constexpr std::string_view kFresh = ".new";  // of a name that a killed writer left behind; nobody reads it

enum class Durable : bool {
  no,   // the new content survives the death of every process; a power cut may leave nothing, or a part, of either
  yes,  // once this returns, the new content survives a power cut too; at any moment before, the old one or the new one
};

// On failure nothing is left beside the file, and it is as it was; only when its folder cannot be synced after the
// rename, it is the new one, which a power cut may take back. E_DISK_FULL, E_IO.
Result<void> replace_file(const std::string& path, std::string_view text, Durable durable);

// Makes the names in a folder survive a power cut. E_IO.
Result<void> sync_folder(const std::string& path);

}  // namespace marea::base
