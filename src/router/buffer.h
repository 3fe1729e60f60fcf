// Bytes on their way through one worker: a queue over one block of memory. Blocks come from the worker's BlockPool, so
// that steady traffic allocates nothing and always touches the same few warm blocks; a connection that rests holds
// none.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http/codec.h"
#include "router/bounds.h"

namespace marea::router {

inline constexpr std::size_t kSmallBlock = 16U << 10;  // nearly every head, whole
// A largest head with what forwarding adds to it; also the unit in which long bodies move.
inline constexpr std::size_t kLargeBlock = 128U << 10;
static_assert(kLargeBlock >= net::http::kMostHeadBytes + (16U << 10));

// Free blocks of one worker. Used by one thread; outlives its buffers.
class BlockPool {
 public:
  // `held`: where the bytes of blocks in use are counted.
  explicit BlockPool(OwnCount& held) : held_(held) {}
  using Block = std::unique_ptr<char[]>;  // NOLINT(modernize-avoid-c-arrays): a size known at run time only
  Block take(std::size_t size);
  void give(Block block, std::size_t size);

  // The router's memory for buffers is used up: long bodies move in small blocks, and no head gets a large one.
  bool tight = false;

 private:
  static constexpr std::size_t kMostFreeSmall = 256;  // 4 MiB
  static constexpr std::size_t kMostFreeLarge = 16;   // 2 MiB
  std::vector<Block> small_;
  std::vector<Block> large_;
  OwnCount& held_;
};

class Buffer {
 public:
  explicit Buffer(BlockPool& pool) : pool_(pool) {}
  ~Buffer() { drop(); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  std::string_view view() const { return {block_.get() + begin_, end_ - begin_}; }
  std::size_t capacity() const { return capacity_; }
  bool tight() const { return pool_.tight; }

  // Free room at the end, at least `least` bytes of it (moving what is there, taking a block if needed); empty when
  // even a large block has not so much.
  std::span<char> room(std::size_t least);
  void commit(std::size_t bytes) { end_ += bytes; }
  // False when it does not fit.
  bool append(std::string_view bytes);
  void consume(std::size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Gives the block back; what was in it is lost.
  void drop();

 private:
  BlockPool& pool_;
  BlockPool::Block block_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace marea::router
