#pragma once
// Documents that have several vectors each. A point is a vector and, behind it, the id of its document; distances are
// those of the vectors. A search for documents goes on until so many different ones were found.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "shoal/compat/hnswlib/interfaces.hpp"
#include "shoal/compat/hnswlib/spaces.hpp"

namespace hnswlib {

template <class DOCIDTYPE>
class BaseMultiVectorSpace : public SpaceInterface<float> {
 public:
  virtual DOCIDTYPE get_doc_id(const void* datapoint) = 0;
  virtual void set_doc_id(void* datapoint, DOCIDTYPE doc_id) = 0;
};

/// A point: `dim` floats, then the id. A query needs no id: nothing behind its floats is read.
template <class DOCIDTYPE, DISTFUNC<float> distance>
class MultiVectorSpace : public BaseMultiVectorSpace<DOCIDTYPE> {
  static_assert(std::is_trivially_copyable_v<DOCIDTYPE>, "the id of a document is kept as its bytes");

 public:
  explicit MultiVectorSpace(std::size_t dim) : dim_(dim) {}

  std::size_t get_data_size() override { return vector_bytes() + sizeof(DOCIDTYPE); }
  DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return &dim_; }

  DOCIDTYPE get_doc_id(const void* datapoint) override {
    DOCIDTYPE doc_id;
    std::memcpy(&doc_id, static_cast<const char*>(datapoint) + vector_bytes(), sizeof(doc_id));
    return doc_id;
  }
  void set_doc_id(void* datapoint, DOCIDTYPE doc_id) override {
    std::memcpy(static_cast<char*>(datapoint) + vector_bytes(), &doc_id, sizeof(doc_id));
  }

 private:
  [[nodiscard]] std::size_t vector_bytes() const noexcept { return dim_ * sizeof(float); }

  std::size_t dim_;
};

template <class DOCIDTYPE>
class MultiVectorL2Space : public MultiVectorSpace<DOCIDTYPE, L2Sqr> {
 public:
  using MultiVectorSpace<DOCIDTYPE, L2Sqr>::MultiVectorSpace;
};

template <class DOCIDTYPE>
class MultiVectorInnerProductSpace : public MultiVectorSpace<DOCIDTYPE, InnerProductDistance> {
 public:
  using MultiVectorSpace<DOCIDTYPE, InnerProductDistance>::MultiVectorSpace;
};

/// Ends when points of `ef_collection` documents are kept and the next is farther than all of them; returns the points
/// of the nearest `num_docs_to_search` documents.
template <class DOCIDTYPE, class dist_t>
class MultiVectorSearchStopCondition : public BaseSearchStopCondition<dist_t> {
 public:
  MultiVectorSearchStopCondition(BaseMultiVectorSpace<DOCIDTYPE>& space, std::size_t num_docs_to_search,
                                 std::size_t ef_collection = 10)
      : space_(space), wanted_(num_docs_to_search), kept_(std::max(ef_collection, num_docs_to_search)) {}

  void add_point_to_result(labeltype label, const void* datapoint, dist_t /*dist*/) override {
    drop(label);  // found twice: its data is being replaced
    const DOCIDTYPE doc_id = space_.get_doc_id(datapoint);
    doc_of_[label] = doc_id;
    ++points_of_[doc_id];
  }
  void remove_point_from_result(labeltype label, const void* /*datapoint*/, dist_t /*dist*/) override { drop(label); }

  bool should_stop_search(dist_t candidate_dist, dist_t worst_dist) override {
    return candidate_dist > worst_dist && points_of_.size() >= kept_;
  }
  bool should_consider_candidate(dist_t candidate_dist, dist_t worst_dist) override {
    return points_of_.size() < kept_ || worst_dist > candidate_dist;
  }
  bool should_remove_extra() override { return points_of_.size() > kept_; }

  void filter_results(std::vector<std::pair<dist_t, labeltype>>& candidates) override {
    while (points_of_.size() > wanted_ && !candidates.empty()) {
      drop(candidates.back().second);
      candidates.pop_back();
    }
  }

 private:
  void drop(labeltype label) {
    const auto doc = doc_of_.find(label);
    if (doc == doc_of_.end()) return;
    const auto points = points_of_.find(doc->second);
    if (--points->second == 0) points_of_.erase(points);
    doc_of_.erase(doc);
  }

  BaseMultiVectorSpace<DOCIDTYPE>& space_;
  std::size_t wanted_;
  std::size_t kept_;
  std::unordered_map<labeltype, DOCIDTYPE> doc_of_;       // of the points that are kept
  std::unordered_map<DOCIDTYPE, std::size_t> points_of_;  // how many of them each document has
};

}  // namespace hnswlib
