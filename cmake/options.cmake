# One switch per kind of build; ./dev sets it. debug has ASan and UBSan on: a test run without them proves less.
set(MAREA_PRESET "debug" CACHE STRING "debug | release | tsan | fuzz")
option(MAREA_FUZZ "build the fuzz targets (clang, libFuzzer)" OFF)
option(MAREA_UNITY "compile the sources of a module in batches: half the CPU for all, more for one" OFF)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-missing-field-initializers -fno-strict-aliasing)

if(MAREA_PRESET STREQUAL "debug")
  # -Og: half the compile time of -O1 with these sanitizers, and faster programs than -O0.
  add_compile_options(-Og -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
elseif(MAREA_PRESET STREQUAL "tsan")
  add_compile_options(-O1 -g1 -fno-omit-frame-pointer -fsanitize=thread)
  add_link_options(-fsanitize=thread)
elseif(MAREA_PRESET STREQUAL "release")
  add_compile_options(-O2 -g1 -DNDEBUG -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
elseif(MAREA_PRESET STREQUAL "fuzz")
  add_compile_options(-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined
                      -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
else()
  message(FATAL_ERROR "unknown MAREA_PRESET '${MAREA_PRESET}'")
endif()

find_program(MAREA_MOLD mold)
if(MAREA_MOLD AND NOT MAREA_PRESET STREQUAL "fuzz")
  add_link_options(-fuse-ld=mold)
endif()
find_program(MAREA_CCACHE ccache)
if(MAREA_CCACHE)
  # What its manual asks for where headers are precompiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${MAREA_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
