# Big-endian: IBM z. Debian: g++-s390x-linux-gnu, qemu-user-static.
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-s390x-static)
set(triple s390x-linux-gnu)
include("${CMAKE_CURRENT_LIST_DIR}/cross.cmake")
