// What simd/key_kernels.hpp offers, written once for every region. A region brings `mask_within` and
// `Keys`: how a vector of keys is loaded, compared and shifted; of one lane where there is none.

#if defined(SHOAL_SIMD_REGION)

namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION {

SHOAL_ALWAYS_INLINE std::size_t lowest_bit(std::uint64_t bits) noexcept {
#if defined(__GNUC__)
  return static_cast<std::size_t>(__builtin_ctzll(bits));
#else
  return static_cast<std::size_t>(std::countr_zero(bits));
#endif
}

/// Puts `key` at its place among keys[0] to keys[last], of which the last falls off, and gives the place. Its place is
/// not after `last`. Above the place, every key becomes the one before it, below it nothing changes, and both are
/// min(old, max(before, key)).
template <class Keys>
inline std::size_t insert_key(Key* keys, std::size_t last, Key key) noexcept {
  if constexpr (Keys::lanes == 1) {
    const Key* first = keys;  // which half the place is in cannot be foretold: no branch depends on it
    std::size_t left = last;
    while (left > 1) {
      const std::size_t half = left / 2;
      first += first[half - 1] < key ? half : 0;
      left -= half;
    }
    const std::size_t place = static_cast<std::size_t>(first - keys) + (left == 1 && *first < key ? 1 : 0);
    std::memmove(keys + place + 1, keys + place, (last - place) * sizeof(key));
    keys[place] = key;
    return place;
  } else {
    // Where it ends cannot be foretold, which costs as much as a few vectors: a short array is gone through whole.
    constexpr std::size_t gone_through = 16 * Keys::lanes;
    const auto wanted = Keys::spread(key);
    std::size_t place = 0;
    std::size_t at = last / Keys::lanes * Keys::lanes;
    auto upper = Keys::load(keys + at);
    for (; at > 0; at -= Keys::lanes) {
      const auto lower = Keys::load(keys + at - Keys::lanes);
      const bool ends_here = at > gone_through && keys[at - 1] < key;
      Keys::store(Keys::smaller(upper, Keys::greater(Keys::slid(upper, lower), wanted)), keys + at);
      place += Keys::count_less(upper, wanted);
      if (ends_here) return at + place;
      upper = lower;
    }
    Keys::store(Keys::smaller(upper, Keys::greater(Keys::slid(upper, Keys::spread(least_key)), wanted)), keys);
    return place + Keys::count_less(upper, wanted);
  }
}

/// The vector that an array grows into holds nothing that would come before a key.
template <class Keys>
SHOAL_ALWAYS_INLINE void clear_beyond(Key* keys, std::size_t size) noexcept {
  if constexpr (Keys::lanes > 1) {
    if (size % Keys::lanes == 0) Keys::store(Keys::spread(no_key), keys + size);
  }
}

inline EnteredKeys enter_nearest(Key* keys, std::size_t size, std::size_t capacity, const float* distances,
                                 const Slot* slots, std::size_t count) noexcept {
  std::size_t lowest = capacity;
  for (std::size_t begin = 0; begin < count; begin += 64) {
    const std::size_t some = count - begin < 64 ? count - begin : 64;
    const float limit = size < capacity ? FLT_MAX : distance_of(keys[capacity - 1]);
    for (std::uint64_t near = mask_within(distances + begin, some, limit); near != 0; near &= near - 1) {
      const std::size_t i = begin + lowest_bit(near);
      const Key key = to_key(distances[i], slots[i]);
      if (size == capacity) {
        if (keys[capacity - 1] < key) continue;
      } else {
        clear_beyond<Keys>(keys, size++);
      }
      const std::size_t place = insert_key<Keys>(keys, size - 1, key);
      lowest = place < lowest ? place : lowest;
    }
  }
  return {size, lowest};
}

/// A vector moves several places at once, which beats sorting by comparisons up to some hundred keys.
inline constexpr std::size_t most_inserted = Keys::lanes == 1 ? 0 : Keys::lanes * 64;
inline void insert_keys(const Key* keys, std::size_t count, Key* out) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    clear_beyond<Keys>(out, i);
    insert_key<Keys>(out, i, keys[i]);
  }
}

}  // namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION

#endif
