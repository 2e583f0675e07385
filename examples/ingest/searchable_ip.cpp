#include "searchable_of_metric.hpp"

namespace shoal::tools {

template MadeSearchable make_searchable_of<InnerProduct>(Store store, const SearchableOptions& options);
template VectorJudge make_judge_of<InnerProduct>(std::size_t dimensions);

}  // namespace shoal::tools
