#include "router/buffer.h"

#include <cstring>

namespace marea::router {

BlockPool::Block BlockPool::take(std::size_t size) {
  held_.add(static_cast<std::int64_t>(size));
  std::vector<Block>& free = size == kSmallBlock ? small_ : large_;
  if (free.empty()) return std::make_unique_for_overwrite<char[]>(size);  // NOLINT(modernize-avoid-c-arrays)
  Block block = std::move(free.back());
  free.pop_back();
  return block;
}

void BlockPool::give(Block block, std::size_t size) {
  held_.add(-static_cast<std::int64_t>(size));
  std::vector<Block>& free = size == kSmallBlock ? small_ : large_;
  if (free.size() < (size == kSmallBlock ? kMostFreeSmall : kMostFreeLarge)) free.push_back(std::move(block));
}

std::span<char> Buffer::room(std::size_t least) {
  if (capacity_ - end_ >= least && capacity_ > 0) return {block_.get() + end_, capacity_ - end_};
  const std::size_t held = size();
  const std::size_t wanted = held + least <= kSmallBlock ? kSmallBlock : kLargeBlock;
  if (held + least > kLargeBlock) return {};
  if (wanted <= capacity_) {
    std::memmove(block_.get(), block_.get() + begin_, held);
  } else {
    BlockPool::Block bigger = pool_.take(wanted);
    if (held > 0) std::memcpy(bigger.get(), block_.get() + begin_, held);
    if (block_) pool_.give(std::move(block_), capacity_);
    block_ = std::move(bigger);
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = held;
  return {block_.get() + end_, capacity_ - end_};
}

bool Buffer::append(std::string_view bytes) {
  if (bytes.empty()) return true;
  const std::span<char> free = room(bytes.size());
  if (free.size() < bytes.size()) return false;
  bytes.copy(free.data(), bytes.size());
  commit(bytes.size());
  return true;
}

void Buffer::drop() {
  if (block_) pool_.give(std::move(block_), capacity_);
  block_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

}  // namespace marea::router
