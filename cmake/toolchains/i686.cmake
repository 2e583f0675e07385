# 32-bit x86 with SSE2: without it floats would be computed to 80 bits, and rounded by chance. Debian:
# g++-i686-linux-gnu (g++-multilib cannot be installed beside other cross compilers). A 64-bit Linux runs the programs.
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CMAKE_CXX_FLAGS_INIT "-msse2 -mfpmath=sse")
set(triple i686-linux-gnu)
include("${CMAKE_CURRENT_LIST_DIR}/cross.cmake")
