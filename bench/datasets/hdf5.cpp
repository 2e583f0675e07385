#include <algorithm>
#include <array>

#include <hdf5.h>

#include <datasets/file_reader.hpp>
#include <datasets/hdf5.hpp>

namespace shoal::datasets {

namespace {

/// deflate cannot pack tighter than 1032 to 1: a table larger than that times the file is not in it.
constexpr std::uint64_t max_packing = 1032;

/// An identifier of the HDF5 library, closed when it goes out of scope. Negative: there is none.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) {
      close_(id_);
    }
  }
  [[nodiscard]] hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// The library's own error stack would be printed to stderr, many lines long; the messages are ours.
class Quiet {
 public:
  Quiet() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  ~Quiet() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

Result<Metric> read_metric(const std::filesystem::path& path, hid_t file) {
  if (H5Aexists(file, "distance") <= 0) {
    return fail(path, "expected the attribute 'distance' (euclidean or angular), came none");
  }
  const Handle attribute(H5Aopen(file, "distance", H5P_DEFAULT), H5Aclose);
  const Handle type(attribute ? H5Aget_type(attribute.get()) : -1, H5Tclose);
  const Handle space(attribute ? H5Aget_space(attribute.get()) : -1, H5Sclose);
  std::string value;
  if (type && space && H5Tget_class(type.get()) == H5T_STRING && H5Sget_simple_extent_npoints(space.get()) == 1) {
    if (H5Tis_variable_str(type.get()) > 0) {
      const Handle memory_type(H5Tget_native_type(type.get(), H5T_DIR_DEFAULT), H5Tclose);
      char* characters = nullptr;
      if (H5Aread(attribute.get(), memory_type.get(), static_cast<void*>(&characters)) >= 0 && characters != nullptr) {
        value = characters;
        H5free_memory(characters);
      }
    } else if (const std::size_t size = H5Tget_size(type.get()); size <= 64) {
      std::array<char, 65> characters{};
      if (H5Aread(attribute.get(), type.get(), characters.data()) >= 0) {
        value = characters.data();
      }
    }
  }
  if (value == "euclidean") {
    return Metric::euclidean;
  }
  if (value == "angular") {
    return Metric::angular;
  }
  return fail(path, "expected the distance euclidean or angular, came '", shown(value.substr(0, 64)), "'");
}

Result<void> check_shape(const std::filesystem::path& path, const char* name, std::array<hsize_t, 2> shape,
                         std::size_t value_bytes, std::uint64_t file_bytes) {
  const auto [rows, cols] = shape;
  if (cols == 0 || cols > max_dimensions) {
    return fail(path, "'", name, "': expected 1 to ", max_dimensions, " components, came ", cols);
  }
  if (rows == 0) {
    return fail(path, "'", name, "': it holds no rows");
  }
  const std::uint64_t row_bytes = cols * value_bytes;
  if (rows > file_bytes * max_packing / row_bytes) {
    return fail(path, "'", name, "': expected a table that ", file_bytes, " bytes can hold, came ", rows, " x ", cols,
                " values of ", value_bytes, " bytes");
  }
  return {};
}

template <class T>
Result<Rows<T>> read_table(const std::filesystem::path& path, hid_t file, const char* name, H5T_class_t other_class,
                           hid_t memory_type, std::uint64_t file_bytes, std::size_t max_rows) {
  const Handle table(H5Dopen2(file, name, H5P_DEFAULT), H5Dclose);
  if (!table) {
    return fail(path, "expected the data set '", name, "', which cannot be opened");
  }
  const Handle type(H5Dget_type(table.get()), H5Tclose);
  const H5T_class_t kind = type ? H5Tget_class(type.get()) : H5T_NO_CLASS;
  if (kind != H5T_INTEGER && kind != other_class) {
    return fail(path, "'", name, "': expected ", other_class == H5T_FLOAT ? "numbers" : "integers",
                ", came values of another type");
  }
  const Handle space(H5Dget_space(table.get()), H5Sclose);
  if (!space || H5Sis_simple(space.get()) <= 0 || H5Sget_simple_extent_ndims(space.get()) != 2) {
    return fail(path, "'", name, "': expected 2 dimensions (rows, components), came ",
                space ? H5Sget_simple_extent_ndims(space.get()) : 0);
  }
  std::array<hsize_t, 2> shape{};
  H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr);
  if (auto checked = check_shape(path, name, shape, H5Tget_size(type.get()), file_bytes); !checked) {
    return Failure(std::move(checked).error());
  }

  const std::array<hsize_t, 2> start{0, 0};
  const std::array<hsize_t, 2> count{std::min<hsize_t>(shape[0], max_rows), shape[1]};
  auto made = make_matrix<T>(static_cast<std::size_t>(count[0]), static_cast<std::size_t>(count[1]), path);
  if (!made) {
    return Failure(std::move(made).error());
  }
  const Handle memory_space(H5Screate_simple(2, count.data(), nullptr), H5Sclose);
  if (H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) < 0 ||
      H5Dread(table.get(), memory_type, memory_space.get(), space.get(), H5P_DEFAULT, made->values.data()) < 0) {
    return fail(path, "'", name, "': the HDF5 library cannot read its ", count[0], " x ", count[1],
                " values (the file is cut off or damaged, or packed with a filter that is not installed)");
  }
  return Rows<T>{std::move(*made), static_cast<std::size_t>(shape[0])};
}

}  // namespace

bool has_hdf5() { return true; }

Result<Hdf5Contents> read_hdf5(const std::filesystem::path& path, std::size_t max_train_rows) {
  const Quiet quiet;
  auto regular = FileReader::open(path);  // its messages for what is missing, a directory, unreadable, empty
  if (!regular) {
    return Failure(std::move(regular).error());
  }
  const std::uint64_t file_bytes = regular->size_bytes();
  const Handle file(H5Fopen(path.string().c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file) {
    return fail(path, "expected an HDF5 file; the HDF5 library cannot open its ", file_bytes,
                " bytes (another format, cut off or damaged)");
  }

  Hdf5Contents contents;
  const auto metric = read_metric(path, file.get());
  if (!metric) {
    return Failure(metric.error());
  }
  contents.metric = *metric;

  const auto read_into = [&](auto& rows, const char* name, H5T_class_t other_class, hid_t memory_type,
                             std::size_t max_rows) -> Result<void> {
    using T = typename std::decay_t<decltype(rows.matrix.values)>::value_type;
    auto table = read_table<T>(path, file.get(), name, other_class, memory_type, file_bytes, max_rows);
    if (!table) {
      return Failure(std::move(table).error());
    }
    rows = std::move(*table);
    return {};
  };
  if (H5Lexists(file.get(), "train", H5P_DEFAULT) <= 0) {
    return fail(path, "expected the data set 'train', came none");
  }
  if (auto read = read_into(contents.train, "train", H5T_FLOAT, H5T_NATIVE_FLOAT, max_train_rows); !read) {
    return Failure(std::move(read).error());
  }
  if (H5Lexists(file.get(), "test", H5P_DEFAULT) > 0) {
    if (auto read = read_into(contents.test, "test", H5T_FLOAT, H5T_NATIVE_FLOAT, all_rows); !read) {
      return Failure(std::move(read).error());
    }
  }
  if (H5Lexists(file.get(), "neighbors", H5P_DEFAULT) > 0) {
    if (auto read = read_into(contents.neighbors, "neighbors", H5T_INTEGER, H5T_NATIVE_INT64, all_rows); !read) {
      return Failure(std::move(read).error());
    }
  }
  return contents;
}

}  // namespace shoal::datasets
