# The optional targets: shoal::NAME serves include/shoal/NAME, and needs a package of others. Here stands which; the
# build, the installed package and the .pc files read it here. Another one is three lines, and a folder of headers.
set(shoal_components eigen sqlite mpi)

set(shoal_eigen_package Eigen3)           # for find_package
set(shoal_eigen_target Eigen3::Eigen)     # what it defines
set(shoal_eigen_pkgconfig eigen3)         # its name for pkg-config, where it has one

set(shoal_sqlite_package SQLite3)
set(shoal_sqlite_target SQLite::SQLite3)
set(shoal_sqlite_pkgconfig sqlite3)

set(shoal_mpi_package MPI)
set(shoal_mpi_target MPI::MPI_CXX)
set(MPI_CXX_SKIP_MPICXX ON) # without the C++ bindings, which the standard dropped
