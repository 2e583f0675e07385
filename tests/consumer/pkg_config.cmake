# cmake -DPKG_CONFIG=program -DPREFIX=installed -DPACKAGE=shoal -DVERSION=version -DPROGRAM=path "-DCOMMAND=compiler;..."
# -P pkg_config.cmake: compiles and runs with the flags that pkg-config gives.
set(ENV{PKG_CONFIG_PATH} "${PREFIX}/share/pkgconfig")
function(ask result)
  execute_process(COMMAND "${PKG_CONFIG}" ${ARGN} "${PACKAGE}" OUTPUT_VARIABLE said OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  set(${result} "${said}" PARENT_SCOPE)
endfunction()

ask(version --modversion)
if(NOT version STREQUAL VERSION)
  message(FATAL_ERROR "expected version ${VERSION}, got ${version}")
endif()
ask(flags --cflags --libs)
if(NOT flags MATCHES "-I${PREFIX}/" AND NOT flags MATCHES "-I[^ ]*/\\.\\./include")
  message(FATAL_ERROR "the headers of ${PREFIX} are not in: ${flags}")
endif()
if(PACKAGE MATCHES "sqlite" AND NOT flags MATCHES "-lsqlite3")
  message(FATAL_ERROR "expected -lsqlite3, got: ${flags}")
endif()
separate_arguments(flags UNIX_COMMAND "${flags}")
list(APPEND COMMAND ${flags})
include("${CMAKE_CURRENT_LIST_DIR}/compile_and_run.cmake")
