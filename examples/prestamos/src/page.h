// The clerk's page: the files of page/, within the program.
#pragma once

#include <string_view>

namespace prestamos {

struct PageFile {
  std::string_view path;
  const char* type;
  std::string_view body;
};

const PageFile* find_page(std::string_view path);

}  // namespace prestamos
