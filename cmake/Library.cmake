# The targets a user links: shoal::shoal, and shoal::eigen, shoal::sqlite and shoal::mpi for the headers in the folders of
# these names below include/shoal.
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

if(SHOAL_EIGEN)
  shoal_depend(Eigen3)
  add_library(shoal_eigen INTERFACE)
  add_library(shoal::eigen ALIAS shoal_eigen)
  target_link_libraries(shoal_eigen INTERFACE shoal::shoal Eigen3::Eigen)
endif()

# Not fetched: a program has one SQLite, which is the system's.
if(SHOAL_SQLITE)
  find_package(SQLite3 REQUIRED GLOBAL)
  add_library(shoal_sqlite INTERFACE)
  add_library(shoal::sqlite ALIAS shoal_sqlite)
  target_link_libraries(shoal_sqlite INTERFACE shoal::shoal SQLite::SQLite3)
endif()

# Nor is MPI, which belongs to the machine.
if(SHOAL_MPI)
  find_package(MPI REQUIRED COMPONENTS CXX)
  add_library(shoal_mpi INTERFACE)
  add_library(shoal::mpi ALIAS shoal_mpi)
  target_link_libraries(shoal_mpi INTERFACE shoal::shoal MPI::MPI_CXX)
endif()
