// The user namespace of one sandbox, made by a user that made no other: what the kernel counts for the maker of a
// namespace (inotify, message queues, queued signals, locked memory) is then counted for this sandbox alone, whichever
// of its 65,536 ids uses it.
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"

namespace marea::engine::local {

// Maps ids 0 … 65,535 onto `base`…; `owner` is a user of the machine that nothing runs as. What the kernel sums up for
// it is bounded by resource_shares.h. The namespace lives as long as the
// descriptor or a process in it.
base::Result<base::Fd> make_user_namespace(uid_t owner, uid_t base);

}  // namespace marea::engine::local
