# Another processor, by Debian's cross compiler: the toolchain file sets `triple`, and the emulator that runs its
# programs where this processor does not. Programs are linked whole, so that they need no libraries of theirs to run.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_CXX_COMPILER ${triple}-g++)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
include("${CMAKE_CURRENT_LIST_DIR}/HeadersOfDebian.cmake")
