// Files that an earlier life of marea wrote, perhaps a newer one, perhaps before a power cut: any bytes are read or
// refused; what is read prints to bytes that read back the same. A spool gives the same lines from its end and from its
// beginning, and the next writer's line is whole.
//
// Input: a letter (i instance, e final report, p plan of engine's run folder; r routes; m image.json; o output, q
// requests: a segment of a spool), the bytes.
// modules: router engine/local pipeline telemetry net model base
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/local/run_file.h"
#include "must.h"
#include "pipeline/image_record.h"
#include "router/routes_file.h"
#include "telemetry/log_spool.h"

namespace {

using namespace marea;

template <class T>
void run_file(std::string_view bytes) {
  const auto read = engine::local::parse_run_file<T>(bytes, "file");
  if (!read) return;
  const std::string printed = engine::local::print_run_file(*read);
  const auto again = engine::local::parse_run_file<T>(printed, "file");
  MUST(again.has_value());
  MUST(engine::local::print_run_file(*again) == printed);
}

void routes(std::string_view bytes) {
  const auto read = router::parse_routes(bytes, "file");
  if (!read) return;
  const auto again = router::parse_routes(router::print_routes(*read), "file");
  MUST(again.has_value());
  MUST(*again == *read);
}

void image(std::string_view bytes) {
  const auto read = pipeline::parse_image_record(std::string(bytes), "file");
  if (!read) return;
  const auto again = pipeline::parse_image_record(pipeline::print_image_record(*read), "file");
  MUST(again.has_value());
  MUST(*again == *read);
}

// Removed when the program ends in order.
struct Folder {
  Folder() { MUST(::mkdtemp(path.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path = "/dev/shm/marea-files-fuzz-XXXXXX";
};

void spool(std::string_view bytes, telemetry::LogForm form) {
  static const Folder folder;
  std::ofstream(folder.path + "/00000001.log", std::ios::binary) << bytes;
  const telemetry::LogSpoolReader reader(folder.path);
  const telemetry::LogQuery all{.tail = bytes.size() + 2, .form = form};
  const std::vector<telemetry::LogLine> lines = reader.tail(all);
  std::vector<telemetry::LogLine> followed;
  telemetry::LogCursor cursor;
  for (std::int64_t before = -1; cursor.offset != before;) {
    before = cursor.offset;
    for (telemetry::LogLine& line : reader.follow(all, cursor)) followed.push_back(std::move(line));
  }
  MUST(followed == lines);
  if (form == telemetry::LogForm::output) {
    for (const telemetry::LogLine& line : lines) {
      std::string text;
      telemetry::append_line(text, line);
      text.pop_back();
      MUST(telemetry::parse_line(text) == line);
    }
  }
  const std::string next = form == telemetry::LogForm::output ? "1\tr\ti\tstdout\tnext" : R"({"next":1})";
  telemetry::LogSpoolWriter(folder.path, form).write(next + "\n");
  const std::vector<telemetry::LogLine> more = reader.tail(all);
  MUST(more.size() > lines.size());
  MUST(more.back().text == (form == telemetry::LogForm::output ? "next" : next));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'i': run_file<engine::local::InstanceRecord>(bytes); break;
    case 'e': run_file<model::InstanceReport>(bytes); break;
    case 'p': run_file<model::Plan>(bytes); break;
    case 'r': routes(bytes); break;
    case 'm': image(bytes); break;
    case 'o': spool(bytes, telemetry::LogForm::output); break;
    case 'q': spool(bytes, telemetry::LogForm::records); break;
    default: break;
  }
  return 0;
}
