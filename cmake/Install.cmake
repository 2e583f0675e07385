# `cmake --install`: the headers, and a package for find_package(shoal). Nothing in it depends on the architecture.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/shoal")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/shoal" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT shoal
        FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT shoal)

install(TARGETS shoal EXPORT shoalTargets)
install(EXPORT shoalTargets NAMESPACE shoal:: DESTINATION "${package_dir}" COMPONENT shoal)

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/shoalConfig.cmake.in" "${PROJECT_BINARY_DIR}/shoalConfig.cmake"
                              INSTALL_DESTINATION "${package_dir}")
# Before 1.0 a minor version may break its users, so 0.2 does not serve who asked for 0.1.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/shoalConfigVersion.cmake" COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(
  FILES "${PROJECT_BINARY_DIR}/shoalConfig.cmake" "${PROJECT_BINARY_DIR}/shoalConfigVersion.cmake"
        "${CMAKE_CURRENT_LIST_DIR}/Compat.cmake"
  DESTINATION "${package_dir}"
  COMPONENT shoal)
