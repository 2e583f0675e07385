#include "searchable_of_metric.hpp"

namespace shoal::tools {

template MadeSearchable make_searchable_of<L2Squared>(Store store, const SearchableOptions& options);
template VectorJudge make_judge_of<L2Squared>(std::size_t dimensions);

}  // namespace shoal::tools
