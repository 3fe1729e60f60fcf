#include "page.h"

#include <algorithm>
#include <array>

// CMakeLists.txt tells the assembler the folder, and compiles this source again when a file in it has changed.
#define EMBED(name, file)                                             \
  asm(".section .rodata\n"                                            \
      ".global " #name "_begin\n" #name "_begin:\n.incbin \"" file    \
      "\"\n"                                                          \
      ".global " #name "_end\n" #name "_end:\n.byte 0\n.previous\n"); \
  extern "C" const char name##_begin[];                               \
  extern "C" const char name##_end[]

EMBED(prestamos_index, "index.html");
EMBED(prestamos_style, "style.css");
EMBED(prestamos_script, "desk.js");
EMBED(prestamos_words, "words.js");
EMBED(prestamos_simulation, "simulation.js");

namespace prestamos {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

const PageFile* find_page(std::string_view path) {
  static const std::array files{
      PageFile{"/", "text/html; charset=utf-8", between(prestamos_index_begin, prestamos_index_end)},
      PageFile{"/style.css", "text/css; charset=utf-8", between(prestamos_style_begin, prestamos_style_end)},
      PageFile{"/desk.js", "text/javascript; charset=utf-8", between(prestamos_script_begin, prestamos_script_end)},
      PageFile{"/words.js", "text/javascript; charset=utf-8", between(prestamos_words_begin, prestamos_words_end)},
      PageFile{"/simulation.js", "text/javascript; charset=utf-8",
               between(prestamos_simulation_begin, prestamos_simulation_end)},
  };
  const auto* const found = std::ranges::find(files, path, &PageFile::path);
  return found == files.end() ? nullptr : found;
}

}  // namespace prestamos
