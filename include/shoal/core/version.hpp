#pragma once
// The version of shoal, for `#if` in code that depends on it. CMakeLists.txt reads the project's version from these
// lines, so a release changes this file and nothing else.

#define SHOAL_VERSION_MAJOR 0
#define SHOAL_VERSION_MINOR 1
#define SHOAL_VERSION_PATCH 0
