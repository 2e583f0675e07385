#pragma once
// What Python programs give to a batch, as the sources of any_index.hpp: ids and a matrix, or anything that can be
// iterated over. Both are read without the interpreter lock; the latter takes it for each item. Both look for signals
// on the way, so that Ctrl-C ends a batch of any length between two items.

#include <cstddef>
#include <optional>

#include <pybind11/pybind11.h>

#include "arrays.hpp"
#include "errors.hpp"
#include "raised.hpp"

namespace shoal::python {

/// Row i of a matrix under ids[i]; they are as many.
class MatrixItems final : public ItemRows {
 public:
  MatrixItems(const IdArray& ids, FloatRows& rows, Interrupts& interrupts) noexcept
      : ids_(ids), rows_(rows), interrupts_(interrupts) {}

  [[nodiscard]] std::size_t size() const override { return ids_.size(); }
  [[nodiscard]] Item at(std::size_t i) override {
    interrupts_.poll();
    return {.id = value_or_raise(ids_.at(i)), .vector = rows_.row(i)};
  }

 private:
  const IdArray& ids_;
  FloatRows& rows_;
  Interrupts& interrupts_;
};

/// The items of an iterable of pairs (id, vector).
class IteratorItems final : public ItemStream {
 public:
  /// *Errors*: TypeError where it cannot be iterated over. With the interpreter lock, as its end.
  IteratorItems(const py::object& iterable, Raised& raised);

  /// *Errors*: what the iterator raises; TypeError for what is no pair, or has no numbers; Refused.
  [[nodiscard]] bool next(Item& item) override;

 private:
  py::iterator iterator_;
  Raised& raised_;
  std::optional<FloatVector> vector_;  // of the item that was read last
  std::size_t read_ = 0;
};

}  // namespace shoal::python
