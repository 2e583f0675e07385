#include "environment.hpp"

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <shoal/simd/float_kernels.hpp>

namespace shoal::report {

namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  std::string line, name = "unknown processor", family, model;
  while (std::getline(file, line) && !line.empty()) {  // the first processor
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of("\t ", colon - 1) + 1);
    const std::string value = line.substr(colon + 2);
    if (key == "model name") name = value;
    if (key == "cpu family") family = value;
    if (key == "model") model = value;
  }
  return family.empty() ? name : fmt::format("{} (family {}, model {})", name, family, model);
}

std::string caches() {
  std::string text;
  for (const int index : {0, 2, 3}) {  // 1 is for instructions
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", index);
    if (const auto level = first_line(folder + "level"); !level.empty()) {
      text += fmt::format(", L{} {}", level, first_line(folder + "size"));
    }
  }
  return text;
}

std::string huge_pages() {
  const std::string modes = first_line("/sys/kernel/mm/transparent_hugepage/enabled");  // always [madvise] never
  const auto open = modes.find('['), close = modes.find(']');
  return close == std::string::npos ? "" : ", huge pages: " + modes.substr(open + 1, close - open - 1);
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "g++ " __VERSION__;
#else
  return "unknown compiler";
#endif
}

std::string instruction_set() { return fmt::format("kernels: {}", simd::name_of(simd::level())); }

std::string load() {
  double average = 0;
  return getloadavg(&average, 1) == 1 ? fmt::format(", load {:.1f} at the start", average) : "";
}

}  // namespace

std::vector<std::string> describe_environment() {
  return {fmt::format("processor: {}, {} cores{}{}", processor(), std::thread::hardware_concurrency(), caches(),
                      huge_pages()),
          fmt::format("compiler: {}; flags: {}; {}", compiler(), SHOAL_REPORT_FLAGS, instruction_set()),
          fmt::format("date: {:%Y-%m-%d %H:%M} UTC{}", fmt::gmtime(std::time(nullptr)), load())};
}

}  // namespace shoal::report
