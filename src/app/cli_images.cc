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
  std::vector<std::vector<std::string>> rows;
  std::string names;
  for (const Json& image : items_of(*list)) {
    const Json* users = find(image, {"used_by"});
    std::string used;
    if (users != nullptr && users->is_array()) {
      for (const Json& user : *users) used += (used.empty() ? "" : ",") + user.get<std::string>();
    }
    rows.push_back({text_at(image, {"name"}), text_at(image, {"digest"}), text_at(image, {"bytes"}),
                    used.empty() ? words(Text::images_unused) : used});
    names += rows.back().front() + "\n";
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
