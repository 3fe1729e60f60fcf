// What a fuzz target says of its findings: a property that does not hold stops the program, with the place.
#pragma once

#include <cstdio>
#include <cstdlib>

#define MUST(property)                                                                   \
  do {                                                                                   \
    if (!(property)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #property); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
