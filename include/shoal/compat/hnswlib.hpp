#pragma once
// For programs that were written against hnswlib: its classes and functions, in its namespace, over shoal. Such a
// program needs one changed line:
//
//   #include <shoal/compat/hnswlib.hpp>      in place of "hnswlib/hnswlib.h"
//
// The names are those of hnswlib 0.8. What differs is said in docs/from-hnswlib.md. Not to be included beside hnswlib's
// own headers: the names are the same.

// Standard headers that come with hnswlib's, and that its users got used to.

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <list>
#include <memory>
#include <queue>
#include <random>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "shoal/compat/hnswlib/bruteforce_search.hpp"
#include "shoal/compat/hnswlib/epsilon_search.hpp"
#include "shoal/compat/hnswlib/hierarchical_nsw.hpp"
#include "shoal/compat/hnswlib/interfaces.hpp"
#include "shoal/compat/hnswlib/multi_vector.hpp"
#include "shoal/compat/hnswlib/spaces.hpp"
#include "shoal/core/platform.hpp"

#if SHOAL_HAS_THREADS
#include <condition_variable>
#include <mutex>
#include <thread>
#endif
