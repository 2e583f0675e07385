# WebAssembly with SIMD, run by node. Debian: emscripten. Programs see the files of the machine (NODERAWFS); memory grows
# as they need it. The system's node modules are found by NODE_PATH=/usr/share/nodejs.
set(ENV{NODE_PATH} /usr/share/nodejs)
include(/usr/share/emscripten/cmake/Modules/Platform/Emscripten.cmake)
set(CMAKE_CROSSCOMPILING_EMULATOR node --no-experimental-fetch)
set(CMAKE_CXX_FLAGS_INIT "-msimd128 -msse2 -fexceptions")
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-fexceptions -sNODERAWFS=1 -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=4GB -sEXIT_RUNTIME=1")
include("${CMAKE_CURRENT_LIST_DIR}/HeadersOfDebian.cmake")
