# `cmake --install`: the headers, a package for find_package(shoal), and shoal.pc and shoal-NAME.pc for pkg-config.
# Nothing in it depends on the architecture, or on where it is put.
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
        "${CMAKE_CURRENT_LIST_DIR}/Compat.cmake" "${CMAKE_CURRENT_LIST_DIR}/Components.cmake"
  DESTINATION "${package_dir}"
  COMPONENT shoal)

# For pkg-config. Whoever installs xsimd and tl::expected in places of their own adds those to the flags.
set(shoal_pc_cflags "-I\${includedir}")
set(shoal_pc_libs "-pthread")
if(SHOAL_NO_XSIMD)
  string(APPEND shoal_pc_cflags " -DSHOAL_NO_XSIMD")
endif()
if(SHOAL_NO_THREADS)
  string(APPEND shoal_pc_cflags " -DSHOAL_NO_THREADS")
  set(shoal_pc_libs "")
endif()
set(pkgconfig_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")
# From where the .pc file lies to the prefix, so that the whole can be moved.
string(REGEX REPLACE "[^/]+" ".." shoal_pc_up "${pkgconfig_dir}")
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_INCLUDEDIR BASE_DIRECTORY "\${prefix}" OUTPUT_VARIABLE shoal_pc_includes)

function(shoal_write_pc name description requires cflags libs)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/shoal.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${pkgconfig_dir}" COMPONENT shoal)
endfunction()

shoal_write_pc(shoal "${PROJECT_DESCRIPTION}" "" "${shoal_pc_cflags}" "${shoal_pc_libs}")
foreach(component IN LISTS shoal_components)
  if(shoal_${component}_pkgconfig)
    shoal_write_pc(shoal-${component} "shoal with ${shoal_${component}_package}"
                   "shoal = ${PROJECT_VERSION}, ${shoal_${component}_pkgconfig}" "" "")
  endif()
endforeach()
