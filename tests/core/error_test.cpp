// Errors: every code has a description, a message is never empty, and the parts of a message come out as they went in.

#include <cstdint>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include <shoal/core/error.hpp>

namespace shoal {
namespace {

constexpr auto last_code = ErrorCode::peer_lost;

std::string printed(const Error& error) {
  std::ostringstream out;
  out << error;
  return out.str();
}

}  // namespace

static_assert(std::is_copy_constructible_v<Error> && std::is_copy_assignable_v<Error>);
static_assert(std::is_nothrow_move_constructible_v<Error> && std::is_nothrow_move_assignable_v<Error>);
static_assert(std::is_nothrow_constructible_v<Error, ErrorCode>);
static_assert(!std::is_convertible_v<ErrorCode, Error>);

TEST_CASE("every error code has a description of its own, in one line") {
  std::set<std::string_view> descriptions;
  int codes = 0;
  for (std::uint8_t value = 0; value <= static_cast<std::uint8_t>(last_code); ++value, ++codes) {
    const std::string_view description = describe(static_cast<ErrorCode>(value));
    CAPTURE(int{value});
    CHECK_FALSE(description.empty());
    CHECK(description != "unknown error");
    CHECK(description.find('\n') == std::string_view::npos);
    CHECK(descriptions.insert(description).second);
  }
  CHECK(codes == 26);  // docs/errors and this test name the last code: a new one goes before or is named here
  const auto beyond = static_cast<ErrorCode>(static_cast<std::uint8_t>(last_code) + 1);
  CHECK(describe(beyond) == "unknown error");
  CHECK(describe(static_cast<ErrorCode>(255)) == "unknown error");
}

TEST_CASE("the message of an error is never empty") {
  for (std::uint8_t value = 0; value <= static_cast<std::uint8_t>(last_code); ++value) {
    const auto code = static_cast<ErrorCode>(value);
    CHECK(Error(code).message() == describe(code));
    CHECK(Error(code, std::string()).message() == describe(code));
    CHECK(detail::make_error(code).message() == describe(code));
    CHECK(Error(code, "expected this").message() == "expected this");
    CHECK(Error(code, "expected this").code() == code);
  }
}

TEST_CASE("a copied error says the same and outlives the first") {
  const std::string long_message(200, 'm');
  Error copy(ErrorCode::cancelled);
  {
    const Error error(ErrorCode::not_finite, long_message);
    copy = error;
    CHECK(error.message() == long_message);
  }
  CHECK(copy.code() == ErrorCode::not_finite);
  CHECK(copy.message() == long_message);
  const Error moved = std::move(copy);
  CHECK(moved.code() == ErrorCode::not_finite);
  CHECK(moved.message() == long_message);
}

TEST_CASE("an error prints its message, or the description of its code") {
  CHECK(printed(Error(ErrorCode::zero_vector, "row 7 is zero")) == "row 7 is zero");
  CHECK(printed(Error(ErrorCode::zero_vector)) == describe(ErrorCode::zero_vector));
}

TEST_CASE("make_error writes text, integers of every kind and doubles one after the other") {
  const std::string text = "text";
  const Error error = detail::make_error(ErrorCode::invalid_config, "M must be ", std::size_t{2}, " to ", 512, ", got ",
                                         -7, std::string_view(" "), text);
  CHECK(error.code() == ErrorCode::invalid_config);
  CHECK(error.message() == "M must be 2 to 512, got -7 text");
  CHECK(detail::make_error(ErrorCode::cancelled, std::numeric_limits<std::uint64_t>::max()).message() ==
        "18446744073709551615");
  CHECK(detail::make_error(ErrorCode::cancelled, std::numeric_limits<std::int64_t>::min()).message() ==
        "-9223372036854775808");
  CHECK(detail::make_error(ErrorCode::cancelled, std::uint8_t{65}).message() == "65");
  CHECK(detail::make_error(ErrorCode::cancelled, 0.5, " ", -1e300, " ", 2.0F).message() == "0.5 -1e+300 2");
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(detail::make_error(ErrorCode::cancelled, infinity, " ", -infinity).message() == "inf -inf");
}

}  // namespace shoal
