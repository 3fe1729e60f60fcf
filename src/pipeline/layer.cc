#include "pipeline/layer.h"

#include <utility>

#include "base/log.h"
#include "pipeline/tar_reader.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kAufs = ".wh..wh.";  // other records of the file system that whiteouts come from
constexpr std::size_t kMostPrintableBytes = 200;

base::Error complete(base::Error error, const std::string& what) {
  if (error.what.empty()) error.what = what;
  if (error.remedy.empty()) error.remedy = "Build the image again, or report it to whoever made it.";
  return error;
}

class Unpacking {
 public:
  Unpacking(Tree& tree, TarReader& reader, const UnpackOptions& options)
      : tree_(tree), reader_(reader), options_(options) {}

  // `what` begins the errors: "cannot unpack the layer sha256:…".
  base::Result<void> run(const std::string& what) {
    for (;;) {
      const base::Result<const TarEntry*> entry = reader_.next();
      if (!entry) return base::fail(complete(entry.error(), what));
      if (*entry == nullptr) break;
      if (base::Result<void> put = this->put(**entry); !put) {
        return base::fail(complete(put.error(), what + ", entry '" + printable((*entry)->path) + "'"));
      }
    }
    tree_.finish();
    if (skipped_ > kMostNotices && options_.notice) {
      options_.notice("skipped " + std::to_string(skipped_ - kMostNotices) + " more entries that are no files");
    }
    return {};
  }

 private:
  base::Result<void> put(const TarEntry& entry) {
    const base::Result<Tree::Components> path = split_path(entry.path);
    if (!path) return std::unexpected(path.error());
    if (entry.path.empty()) return base::fail(ErrorCode::image_invalid, {}, "it has no name");
    if (options_.whiteouts && !path->empty()) {
      for (std::size_t i = 0; i + 1 < path->size(); ++i) {
        if ((*path)[i].starts_with(kAufs)) return {};
        if ((*path)[i].starts_with(kWhiteout)) {
          return base::fail(ErrorCode::image_invalid, {}, "a directory in its path has the name of a whiteout");
        }
      }
      if (path->back().starts_with(kWhiteout)) return white_out(*path);
    }
    return make(entry, *path);
  }

  base::Result<void> white_out(Tree::Components path) {
    const std::string_view name = path.back();
    if (name == kOpaque) {
      path.pop_back();
      return tree_.remove_lower_inside(path);
    }
    if (name.starts_with(kAufs)) return {};
    path.back() = name.substr(kWhiteout.size());
    if (path.back().empty() || path.back() == "." || path.back() == "..") {
      return base::fail(ErrorCode::image_invalid, {}, "it is a whiteout of nothing");
    }
    return tree_.remove_lower(path);
  }

  base::Result<void> make(const TarEntry& entry, const Tree::Components& path) {
    switch (entry.kind) {
      case EntryKind::directory: return tree_.directory(path, entry.attributes);
      case EntryKind::file: return make_file(entry, path);
      case EntryKind::symlink: return tree_.symlink(path, entry.attributes, entry.link);
      case EntryKind::hard_link: {
        const base::Result<Tree::Components> target = split_path(entry.link);
        if (!target) return base::fail(ErrorCode::image_invalid, {}, "as a hard link: " + target.error().why);
        return tree_.hard_link(path, *target);
      }
      case EntryKind::fifo: return tree_.fifo(path, entry.attributes);
      case EntryKind::device: return skip(entry, "a device");
      case EntryKind::other: return skip(entry, "of an unknown kind");
    }
    return {};
  }

  base::Result<void> make_file(const TarEntry& entry, const Tree::Components& path) {
    Budget& budget = options_.budget;
    if (entry.bytes > budget.file_bytes) {
      return base::fail(
          ErrorCode::image_too_large, {},
          "the file has " + std::to_string(entry.bytes) + " bytes; the limit is " + std::to_string(budget.file_bytes),
          "Make the file smaller.");
    }
    // Holes are free in the archive, so the stream's own limit does not see them.
    if (entry.bytes > budget.bytes) {
      return base::fail(ErrorCode::image_too_large, {},
                        "with it, the image is larger than " + std::to_string(kMostImageBytes) + " bytes",
                        "Make the image smaller.");
    }
    const std::int64_t taken = (entry.bytes + kDiskBlock - 1) / kDiskBlock * kDiskBlock;
    if (taken > budget.room) {
      return base::fail(ErrorCode::disk_budget, {}, "with it, more is taken than what was left for it");
    }
    budget.bytes -= entry.bytes;
    budget.room -= taken;
    return tree_.file(path, entry.attributes, entry.bytes, [this] { return reader_.content(); });
  }

  base::Result<void> skip(const TarEntry& entry, const char* kind) {
    if (++skipped_ <= kMostNotices && options_.notice) {
      options_.notice("skipped '" + printable(entry.path) + "': it is " + kind + ", which images cannot bring along");
    }
    return {};
  }

  Tree& tree_;
  TarReader& reader_;
  const UnpackOptions& options_;
  int skipped_ = 0;
};

StreamLimits stream_limits(const Budget& budget) {
  return {.most_bytes = budget.stream_bytes, .ratio_free_bytes = budget.ratio_free_bytes};
}

base::Result<void> unpack_stream(LayerStream& stream, const std::string& what, const std::string& root,
                                 const UnpackOptions& options) {
  base::Result<Tree> tree =
      Tree::open(root, {.keep_owners = options.keep_owners, .most_inodes = options.budget.inodes});
  if (!tree) return std::unexpected(tree.error());
  TarReader reader([&]() -> base::Result<std::span<const std::byte>> {
    if (options.go_on && !options.go_on()) return base::fail(ErrorCode::unavailable, what, "the job was cancelled");
    return stream.next();
  });
  base::Result<void> done = Unpacking(*tree, reader, options).run(what);
  options.budget.inodes = tree->inodes_left();
  options.budget.stream_bytes -= stream.plain_bytes();
  return done;
}

}  // namespace

std::string printable(std::string_view name) {
  std::string out;
  base::append_json_escaped(out, name.substr(0, kMostPrintableBytes));
  if (name.size() > kMostPrintableBytes) out += "…";
  return out;
}

base::Result<void> unpack_layer(const std::string& blobs, const Layer& layer, const std::string& root,
                                const UnpackOptions& options) {
  base::Result<LayerStream> stream = LayerStream::open(blobs, layer, stream_limits(options.budget));
  if (!stream) return std::unexpected(stream.error());
  base::Result<void> done = unpack_stream(*stream, "cannot unpack the layer " + layer.blob.digest, root, options);
  if (!done) return base::fail(stream->blame(done.error()));
  return stream->finish();
}

base::Result<void> unpack_tar_file(const std::string& file, const std::string& root, const UnpackOptions& options) {
  base::Result<LayerStream> stream = LayerStream::open_untrusted(file, stream_limits(options.budget));
  if (!stream) return std::unexpected(stream.error());
  return unpack_stream(*stream, "cannot unpack " + file, root, options);
}

}  // namespace marea::pipeline
