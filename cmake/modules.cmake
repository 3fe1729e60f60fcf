# marea_module(NAME [DIR dir] DEPENDS … LIBRARIES …): one static library per module from all .cc of its folder, and one
# test program from its *_test.cc. Headers of a module are reachable only for those that list it in DEPENDS: the include
# root of each module is a folder of links made for it alone, so that a forbidden include does not even compile.

# With MAREA_UNITY the sources of a target are compiled a batch at a time: the templates and inline functions that they
# share are instantiated, instrumented and written once, which is most of what a compile costs (decision 31).
set(MAREA_BATCH 8)  # a lone change compiles one batch again: half a minute at most
function(marea_batches target)
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources count)
  math(EXPR batches "(${count} + ${MAREA_BATCH} - 1) / ${MAREA_BATCH}")
  math(EXPR even "(${count} + ${batches} - 1) / ${batches}")
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${MAREA_UNITY} UNITY_BUILD_BATCH_SIZE ${even})
endfunction()

function(marea_module name)
  cmake_parse_arguments(ARG "" "DIR" "DEPENDS;LIBRARIES;EXCLUDE" ${ARGN})
  if(NOT ARG_DIR)
    set(ARG_DIR ${name})
  endif()
  string(REPLACE "/" "_" target marea_${name})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${ARG_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  foreach(pattern IN LISTS ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${pattern}")
  endforeach()

  set(root ${CMAKE_BINARY_DIR}/include/${target})
  get_filename_component(parent ${root}/${ARG_DIR} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${ARG_DIR} ${root}/${ARG_DIR} SYMBOLIC)

  if(sources)
    add_library(${target} STATIC ${sources})
    target_precompile_headers(${target} REUSE_FROM marea_precompiled)
    marea_batches(${target})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${root})
  foreach(dependency IN LISTS ARG_DEPENDS)
    string(REPLACE "/" "_" dependency_target marea_${dependency})
    target_link_libraries(${target} ${scope} ${dependency_target})
  endforeach()
  target_link_libraries(${target} ${scope} ${ARG_LIBRARIES})

  if(tests AND NOT MAREA_FUZZ)
    add_executable(${target}_test ${tests})
    target_precompile_headers(${target}_test REUSE_FROM marea_precompiled_test)
    marea_batches(${target}_test)
    target_link_libraries(${target}_test PRIVATE ${target} GTest::gmock GTest::gtest GTest::gtest_main)
    set_target_properties(${target}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${target} COMMAND ${target}_test)
  endif()
endfunction()
