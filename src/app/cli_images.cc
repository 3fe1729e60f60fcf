// images: list, import (delete: cli_disk.cc).
#include "app/cli_upload.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "pipeline/archive_layout.h"

namespace marea::app {

Outcome<Exit> list_images(Verb& verb) {
  const Outcome<Json> list = verb.api.get(fmt::format("{}/images", kMarea));
  if (!list) return std::unexpected(list.error());
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value(*list, format));
    return Exit::ok;
  }
  const Words& words = verb.words();
  const auto joined = [&](const Json& image, std::string_view field) {
    const Json* all = find(image, {field});
    std::string out;
    if (all != nullptr && all->is_array()) {
      for (const Json& one : *all) out += (out.empty() ? "" : ",") + one.get<std::string>();
    }
    return out.empty() ? words(Text::images_unused) : out;
  };
  std::vector<std::vector<std::string>> rows;
  std::string names;
  for (const Json& image : items_of(*list)) {
    rows.push_back({text_at(image, {"name"}), text_at(image, {"digest"}), text_at(image, {"disk_bytes"}),
                    joined(image, "used_by")});
    names += rows.back().front() + "\n";
  }
  if (const Json* unnamed = find(*list, {"unnamed"}); unnamed != nullptr && unnamed->is_array()) {
    for (const Json& image : *unnamed) {
      rows.push_back({words(Text::images_unnamed), text_at(image, {"digest"}), text_at(image, {"disk_bytes"}),
                      joined(image, "revisions")});
    }
  }
  // So that the column adds up to what `marea disk` says.
  for (const auto& [text, field] : {std::pair{Text::images_rest, "other_bytes"}, {Text::disk_builds, "builds_bytes"}}) {
    if (const std::string bytes = text_at(*list, {field}); !bytes.empty() && bytes != "0") {
      rows.push_back({words(text), "", bytes, ""});
    }
  }
  verb.console.data(format == Format::name ? names
                                           : print_table({words(Text::head_name), words(Text::head_digest),
                                                          words(Text::head_bytes), words(Text::head_used_by)},
                                                         rows));
  return Exit::ok;
}

Outcome<Exit> import_image(Verb& verb) {
  const std::string& reference = verb.arguments.positional(1);
  if (!pipeline::is_local_reference(reference)) {
    return give_up(
        usage_failure(verb.words()(Text::no_layout_reference, reference), verb.words()(Text::layout_reference_remedy)));
  }
  const Outcome<UploadedImage> image =
      ImageUpload(verb.api, verb.console).upload(reference, verb.arguments.positional(0));
  if (!image) return std::unexpected(image.error());
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value({{"name", image->name}, {"digest", image->digest}}, format));
  } else {
    verb.console.data((format == Format::name ? image->name : image->name + " " + image->digest) + "\n");
  }
  return Exit::ok;
}

}  // namespace marea::app
