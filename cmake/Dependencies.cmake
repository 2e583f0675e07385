# shoal_depend(NAME...): makes the named packages usable, and only those.
#
# Each is looked for on the system first and fetched at the version stated here otherwise. A header-only package that is
# fetched is not configured (SOURCE_SUBDIR names no folder): its own CMake files would bring tests, options and install
# rules into this build, and all we want is its include directory.
include(FetchContent)
include(GNUInstallDirs)
include("${CMAKE_CURRENT_LIST_DIR}/Compat.cmake")
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}") # FindxxHash.cmake

function(shoal_declare name repository tag)
  FetchContent_Declare(
    ${name}
    GIT_REPOSITORY ${repository}
    GIT_TAG ${tag}
    GIT_SHALLOW ON
    ${ARGN}
    FIND_PACKAGE_ARGS GLOBAL)
endfunction()

set(headers_only SOURCE_SUBDIR shoal-uses-the-headers-only)
shoal_declare(xsimd https://github.com/xtensor-stack/xsimd.git 13.2.0 ${headers_only})
shoal_declare(tl-expected https://github.com/TartanLlama/expected.git v1.1.0 ${headers_only})
shoal_declare(Eigen3 https://gitlab.com/libeigen/eigen.git 3.4.0 ${headers_only})
shoal_declare(doctest https://github.com/doctest/doctest.git v2.4.11 ${headers_only})
shoal_declare(CLI11 https://github.com/CLIUtils/CLI11.git v2.4.2 ${headers_only})
shoal_declare(nlohmann_json https://github.com/nlohmann/json.git v3.11.3 ${headers_only})
shoal_declare(xxHash https://github.com/Cyan4973/xxHash.git v0.8.2 ${headers_only})
shoal_declare(fmt https://github.com/fmtlib/fmt.git 10.2.1)
shoal_declare(pybind11 https://github.com/pybind/pybind11.git v2.13.6)
shoal_declare(benchmark https://github.com/google/benchmark.git v1.8.3)

# The target of a fetched header-only package, under the name that the system's package gives it. SYSTEM: its warnings
# are not ours.
function(shoal_add_fetched_headers package target folder)
  string(TOLOWER ${package} lower)
  if(TARGET ${target} OR NOT DEFINED ${lower}_SOURCE_DIR)
    return()
  endif()
  add_library(shoal_fetched_${package} INTERFACE)
  target_include_directories(shoal_fetched_${package} SYSTEM INTERFACE "${${lower}_SOURCE_DIR}/${folder}")
  add_library(${target} ALIAS shoal_fetched_${package})
endfunction()

function(shoal_depend)
  set(BENCHMARK_ENABLE_TESTING OFF)
  set(BENCHMARK_ENABLE_INSTALL OFF)
  set(CMAKE_POLICY_DEFAULT_CMP0077 NEW) # fetched projects take these from variables
  FetchContent_MakeAvailable(${ARGN})
  foreach(name IN LISTS ARGN)
    if(name STREQUAL "xsimd")
      shoal_add_fetched_headers(xsimd xsimd include)
    elseif(name STREQUAL "tl-expected")
      shoal_add_fetched_headers(tl-expected tl::expected include)
    elseif(name STREQUAL "Eigen3")
      shoal_add_fetched_headers(Eigen3 Eigen3::Eigen .)
    elseif(name STREQUAL "doctest")
      shoal_add_fetched_headers(doctest doctest::doctest .)
    elseif(name STREQUAL "CLI11")
      shoal_add_fetched_headers(CLI11 CLI11::CLI11 include)
    elseif(name STREQUAL "nlohmann_json")
      shoal_add_fetched_headers(nlohmann_json nlohmann_json::nlohmann_json include)
    elseif(name STREQUAL "xxHash")
      shoal_add_fetched_headers(xxHash xxHash::xxhash .)
    endif()
  endforeach()
endfunction()
