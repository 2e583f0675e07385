#include "searchable_of_metric.hpp"

namespace shoal::tools {

template MadeSearchable make_searchable_of<Cosine>(Store store, const SearchableOptions& options);
template VectorJudge make_judge_of<Cosine>(std::size_t dimensions);

}  // namespace shoal::tools
