# The targets a user links: shoal::shoal, and those of Components.cmake for what needs further libraries.
#
# Dependencies are wrapped in BUILD_INTERFACE and looked for again by the installed shoalConfig.cmake, so that the
# installed package is the same whether they were found or fetched here.
add_library(shoal INTERFACE)
add_library(shoal::shoal ALIAS shoal)
target_compile_features(shoal INTERFACE cxx_std_20)
target_include_directories(
  shoal INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

if(SHOAL_NO_XSIMD)
  target_compile_definitions(shoal INTERFACE SHOAL_NO_XSIMD)
else()
  shoal_depend(xsimd)
  shoal_repair_xsimd()
  target_link_libraries(shoal INTERFACE "$<BUILD_INTERFACE:xsimd>")
endif()

shoal_check_std_expected(std_expected)
if(NOT std_expected)
  shoal_depend(tl-expected)
  target_link_libraries(shoal INTERFACE "$<BUILD_INTERFACE:tl::expected>")
endif()

if(SHOAL_NO_THREADS)
  target_compile_definitions(shoal INTERFACE SHOAL_NO_THREADS)
else()
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED GLOBAL)
  target_link_libraries(shoal INTERFACE "$<BUILD_INTERFACE:Threads::Threads>")
endif()

# The optional targets of Components.cmake, each by its option. Eigen is fetched where it is missing. The others are the
# system's: a program has one SQLite, and a machine one MPI.
include("${CMAKE_CURRENT_LIST_DIR}/Components.cmake")
foreach(component IN LISTS shoal_components)
  string(TOUPPER "SHOAL_${component}" wanted)
  if(${wanted})
    if(component STREQUAL "eigen")
      shoal_depend(Eigen3)
    else()
      find_package(${shoal_${component}_package} REQUIRED GLOBAL)
    endif()
    add_library(shoal_${component} INTERFACE)
    add_library(shoal::${component} ALIAS shoal_${component})
    target_link_libraries(shoal_${component} INTERFACE shoal::shoal ${shoal_${component}_target})
  endif()
endforeach()
