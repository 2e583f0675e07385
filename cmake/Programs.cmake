# What all our own programs are compiled with: tests, benches, demo, examples. Link shoal_program; nothing else may,
# and everything in one program must, or its parts would disagree about SIMD registers and alignment.
add_library(shoal_program INTERFACE)
target_link_libraries(shoal_program INTERFACE shoal::shoal)
target_compile_options(
  shoal_program INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${SHOAL_WERROR}>:-Werror>
                          $<$<BOOL:${SHOAL_NATIVE}>:-march=native>)
# g++ 12 sees overlapping copies inside std::string::insert and operator+ where there are none (GCC bug 105651), and
# uninitialised registers inside its own AVX-512 intrinsics (GCC bug 105593).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(shoal_program INTERFACE -Wno-restrict $<$<BOOL:${SHOAL_NATIVE}>:-Wno-maybe-uninitialized>)
endif()

# Programs that test no kernels link this in place of shoal_program. Every file compiles every kernel, which under
# sanitizers takes longer than all else: there, and wherever the unit tests are built once more, these make do with the
# portable ones. Nor do sanitizers check every access for alignment and null in them, which doubles the time again; what
# is null AddressSanitizer reports anyway.
add_library(shoal_program_without_kernels INTERFACE)
target_link_libraries(shoal_program_without_kernels INTERFACE shoal_program)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(SHOAL_UNIT_TESTS_ALONE ON)
  if(CMAKE_CXX_FLAGS MATCHES "undefined")
    target_compile_options(shoal_program_without_kernels INTERFACE -fno-sanitize=alignment,null)
  endif()
endif()
if(SHOAL_UNIT_TESTS_ALONE)
  target_compile_definitions(shoal_program_without_kernels INTERFACE SHOAL_NO_DISPATCH)
endif()

# Numbers measured without optimisation mislead, and CMake's default is no build type at all.
get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(PROJECT_IS_TOP_LEVEL)
  if(NOT multi_config AND NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
  endif()
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

# Open MPI runs no more processes than there are cores, and none for root, unless it is told to.
if(SHOAL_MPI)
  execute_process(COMMAND "${MPIEXEC_EXECUTABLE}" --version OUTPUT_VARIABLE mpi_version ERROR_VARIABLE mpi_version)
  if(mpi_version MATCHES "Open MPI|OpenRTE")
    set(SHOAL_HAS_OPEN_MPI ON)
    set(SHOAL_MPI_FLAGS --oversubscribe)
  endif()
  set(SHOAL_MPI_ENVIRONMENT OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
endif()
