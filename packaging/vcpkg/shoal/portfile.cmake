# An overlay port: it installs the tree that it lies in, `vcpkg install shoal --overlay-ports=packaging/vcpkg`. In a
# registry vcpkg_from_git or vcpkg_from_github takes the place of the next line. It was run with a stand-in for vcpkg only
# (tests/packaging/vcpkg_stubs.cmake).
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(VCPKG_BUILD_TYPE release) # headers: there is nothing to debug

vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS FEATURES eigen SHOAL_EIGEN sqlite SHOAL_SQLITE)
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS ${FEATURE_OPTIONS} -DSHOAL_BUILD_TESTS=OFF -DSHOAL_BUILD_BENCH=OFF -DSHOAL_BUILD_EXAMPLES=OFF -DSHOAL_MPI=OFF -DSHOAL_INSTALL=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/shoal)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/lib")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
