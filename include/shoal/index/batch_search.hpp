#pragma once
// Many queries, each searched for on one of several threads. What is done with a query is the caller's; here are the
// shapes in which queries come, and which error counts when several are bad: the first.

#include <cstddef>
#include <limits>
#include <ranges>
#include <span>
#include <utility>

#include "shoal/core/access.hpp"
#include "shoal/core/error.hpp"
#include "shoal/core/lock.hpp"
#include "shoal/core/workers.hpp"
#include "shoal/index/matrix_view.hpp"

namespace shoal::inline v0::detail {

/// `make_room(count)`, then `search(i, query i)` for each, both Expected<void, Error>. Each search is a reader of its
/// own: a writer waits for the queries that are being searched for, not for those to come, whose turn may depend on
/// threads that wait for the writer. Errors: the first query's, with its position; what `search` throws.
template <QueriesInput Queries, class MakeRoom, class Search>
[[nodiscard]] Expected<void, Error> search_each(const Queries& queries, std::size_t dimensions, const Workers& workers,
                                                Access& access, const MakeRoom& make_room, const Search& search) {
  const auto run = [&](std::size_t count, const auto& query) -> Expected<void, Error> {
    if (auto room = make_room(count); !room) return room;
    std::size_t failed = std::numeric_limits<std::size_t>::max();
    Error failure(ErrorCode::out_of_memory);
    const Lock lock;
    const bool helps = access.is_entered();
    workers.for_each(count, [&](std::size_t, std::size_t i) {
      const Access::Read read(access, helps);
      auto done = search(i, query(i));
      if (done) return;
      lock([&] {
        if (i >= failed) return;
        failed = i;
        failure = std::move(done.error());
      });
    });
    if (failed == std::numeric_limits<std::size_t>::max()) return {};
    return Unexpected<Error>(make_error(failure.code(), "query ", failed, ": ", failure.message()));
  };
  if constexpr (MatrixInput<Queries>) {
    auto view = view_matrix(queries, dimensions);
    if (!view) return Unexpected<Error>(std::move(view.error()));
    return run(view->rows, [&](std::size_t i) { return view->row(i); });
  } else {
    const auto first = std::ranges::begin(queries);
    using Offset = std::ranges::range_difference_t<const Queries>;
    return run(static_cast<std::size_t>(std::ranges::size(queries)),
               [&](std::size_t i) -> decltype(auto) { return first[static_cast<Offset>(i)]; });
  }
}

}  // namespace shoal::inline v0::detail
