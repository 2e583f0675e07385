#include "searchable.hpp"

#include <utility>

#include <shoal/metric/metric.hpp>

namespace shoal::tools {

// Each is instantiated in searchable_METRIC.cpp alone.
template <class Metric>
Expected<std::unique_ptr<Searchable>, Error> make_searchable_of(Store store, const SearchableOptions& options);
template <class Metric>
VectorJudge make_judge_of(std::size_t dimensions);

Expected<std::unique_ptr<Searchable>, Error> make_searchable(Store store, const SearchableOptions& options) {
  switch (options.metric) {
    case MetricName::ip: return make_searchable_of<InnerProduct>(std::move(store), options);
    case MetricName::cosine: return make_searchable_of<Cosine>(std::move(store), options);
    case MetricName::l2: break;
  }
  return make_searchable_of<L2Squared>(std::move(store), options);
}

VectorJudge make_judge(MetricName metric, std::size_t dimensions) {
  switch (metric) {
    case MetricName::ip: return make_judge_of<InnerProduct>(dimensions);
    case MetricName::cosine: return make_judge_of<Cosine>(dimensions);
    case MetricName::l2: break;
  }
  return make_judge_of<L2Squared>(dimensions);
}

}  // namespace shoal::tools
