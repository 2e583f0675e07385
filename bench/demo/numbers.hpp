#pragma once
// Numbers as a person reads them: 10,000; 4.12 s; 32.6 MB.

#include <cstddef>
#include <string>

namespace shoal::demo {

/// With a comma at the thousands: "12,345".
[[nodiscard]] std::string with_commas(std::size_t number);

/// Three digits that count: "0.41 s", "12.3 s", "184 s".
[[nodiscard]] std::string seconds_text(double seconds);

/// Time to wait: "8 s", "2 min 05 s", "1 h 12 min".
[[nodiscard]] std::string duration_text(double seconds);

/// *Units*: 1 MB is 1,000,000 bytes.
[[nodiscard]] std::string megabytes_text(double bytes);

}  // namespace shoal::demo
