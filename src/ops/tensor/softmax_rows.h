// Softmax over rows of numbers. Numerically stable: the greatest number of a row is taken away
// first. A row with NaN or +infinity in it, or without any finite number, gives NaN throughout.
#pragma once

#include <cstddef>

namespace leat {

// `to` may be `from`. For T float and double.
template <typename T>
void softmax_row(const T* from, T* to, size_t count);

// `across` rows side by side: number i of row j lies at from[i * across + j]. `to` is not `from`.
template <typename T>
void softmax_columns(const T* from, T* to, size_t count, size_t across);

}  // namespace leat
