# What has to be known about other people's packages. Used by our build, and installed for shoalConfig.cmake.

# Debian 12's xsimd names a library `xtl` that no package has and that its headers do not use, and every link with it
# fails. Who really has xtl has a target of that name, and keeps it.
function(shoal_repair_xsimd)
  get_target_property(links xsimd INTERFACE_LINK_LIBRARIES)
  if(links AND NOT TARGET xtl)
    list(REMOVE_ITEM links xtl)
    set_property(TARGET xsimd PROPERTY INTERFACE_LINK_LIBRARIES "${links}")
  endif()
endfunction()

# Whether the compiler has std::expected in the language mode the project asks for.
function(shoal_check_std_expected result)
  cmake_policy(PUSH)
  cmake_policy(SET CMP0067 NEW) # compile the check with CMAKE_CXX_STANDARD
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_QUIET ON)
  check_cxx_source_compiles(
    "#include <version>\n#if __cpp_lib_expected < 202202L\n#error\n#endif\nint main() {}" SHOAL_HAS_STD_EXPECTED)
  cmake_policy(POP)
  set(${result} "${SHOAL_HAS_STD_EXPECTED}" PARENT_SCOPE)
endfunction()
