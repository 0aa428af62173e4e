// Products of small matrices in registers: what attention and the linears are made of.
#pragma once

#include <cstdint>
#include <vector>

namespace durian {

constexpr int64_t kLanes = 8;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(sizeof(float))));

inline Lanes load(const float* x) { return *reinterpret_cast<const Lanes*>(x); }
inline void store(float* x, Lanes value) { *reinterpret_cast<Lanes*>(x) = value; }
inline int64_t roundUp(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

/** Numbers of two registers by their places; each family of compilers has its own word for it. */
#if defined(__clang__)
#define DURIAN_SHUFFLED(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int32_t Places __attribute__((vector_size(kLanes * sizeof(int32_t))));
#define DURIAN_SHUFFLED(a, b, ...) __builtin_shuffle(a, b, (Places{__VA_ARGS__}))
#endif

inline float sumOf(Lanes x) {
  x += DURIAN_SHUFFLED(x, x, 4, 5, 6, 7, 0, 1, 2, 3);
  x += DURIAN_SHUFFLED(x, x, 2, 3, 0, 1, 6, 7, 4, 5);
  return x[0] + x[1];
}

/** Of numbers; what a NaN among them gives is one of them or NaN. */
inline float largestOf(Lanes x) {
  const auto larger = [](Lanes a, Lanes b) { return a > b ? a : b; };
  x = larger(x, DURIAN_SHUFFLED(x, x, 4, 5, 6, 7, 0, 1, 2, 3));
  x = larger(x, DURIAN_SHUFFLED(x, x, 2, 3, 0, 1, 6, 7, 4, 5));
  return x[0] > x[1] ? x[0] : x[1];
}

/** A matrix whose element (i, k) lies at x[i * row + k * column]. */
struct Strided {
  const float* x;
  int64_t row, column;
};

/** Columns of a panel: two registers. Six rows of a panel are twelve sums, which with what is added to them fill sixteen registers. */
constexpr int64_t kPanel = 2 * kLanes;
constexpr int64_t kRows = 6;

namespace internal {

/** c[i, j] (+)= sum over k of a(i, k) b[k, j] for kHeight rows and kWidth registers of columns. */
template <int kHeight, int kWidth>
inline void tile(float* c, int64_t ldc, Strided a, const float* b, int64_t ldb, int64_t depth, bool adds) {
  Lanes sum[kHeight][kWidth];
#pragma GCC unroll 8
  for (int i = 0; i < kHeight; i++)
#pragma GCC unroll 2
    for (int j = 0; j < kWidth; j++) sum[i][j] = adds ? load(c + i * ldc + j * kLanes) : Lanes{};
  const float* x = a.x;
  for (int64_t k = 0; k < depth; k++, x += a.column, b += ldb) {
    Lanes row[kWidth];
#pragma GCC unroll 2
    for (int j = 0; j < kWidth; j++) row[j] = load(b + j * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kHeight; i++)
#pragma GCC unroll 2
      for (int j = 0; j < kWidth; j++) sum[i][j] += x[i * a.row] * row[j];
  }
#pragma GCC unroll 8
  for (int i = 0; i < kHeight; i++)
#pragma GCC unroll 2
    for (int j = 0; j < kWidth; j++) store(c + i * ldc + j * kLanes, sum[i][j]);
}

template <int kWidth>
inline void column(float* c, int64_t ldc, Strided a, const float* b, int64_t ldb, int64_t rows, int64_t depth, bool adds) {
  int64_t i = 0;
  for (; i + kRows <= rows; i += kRows)
    tile<kRows, kWidth>(c + i * ldc, ldc, {a.x + i * a.row, a.row, a.column}, b, ldb, depth, adds);
  c += i * ldc;
  const Strided rest{a.x + i * a.row, a.row, a.column};
  switch (rows - i) {
    case 5: return tile<5, kWidth>(c, ldc, rest, b, ldb, depth, adds);
    case 4: return tile<4, kWidth>(c, ldc, rest, b, ldb, depth, adds);
    case 3: return tile<3, kWidth>(c, ldc, rest, b, ldb, depth, adds);
    case 2: return tile<2, kWidth>(c, ldc, rest, b, ldb, depth, adds);
    case 1: return tile<1, kWidth>(c, ldc, rest, b, ldb, depth, adds);
  }
}

}  // namespace internal

/** c [rows, width] (+)= a [rows, depth] b [depth, width], rows of b and c at their strides. */
inline void product(float* c, int64_t ldc, Strided a, const float* b, int64_t ldb, int64_t rows, int64_t width,
                    int64_t depth, bool adds) {
  int64_t j = 0;
  for (; j + kPanel <= width; j += kPanel) internal::column<2>(c + j, ldc, a, b + j, ldb, rows, depth, adds);
  for (; j + kLanes <= width; j += kLanes) internal::column<1>(c + j, ldc, a, b + j, ldb, rows, depth, adds);
  for (int64_t i = 0; j < width && i < rows; i++)
    for (int64_t rest = j; rest < width; rest++) {
      float sum = adds ? c[i * ldc + rest] : 0.0f;
      for (int64_t k = 0; k < depth; k++) sum += a.x[i * a.row + k * a.column] * b[k * ldb + rest];
      c[i * ldc + rest] = sum;
    }
}

/**
 * Rows [count, depth] laid out as panels of columns [ceil(count / 16), depth, 16], zeros in the last: what makes x rows^T a product of
 * neighbours.
 */
void packPanels(float* panels, const float* rows, int64_t stride, int64_t count, int64_t depth);

/** c [rows, width] (+)= a [rows, depth] (panels' columns); c has room for width rounded up to 8. */
inline void productOfPanels(float* c, int64_t ldc, Strided a, const float* panels, int64_t rows, int64_t width,
                            int64_t depth, bool adds) {
  for (int64_t j = 0; j < width; j += kPanel, panels += kPanel * depth) {
    if (width - j > kLanes)
      internal::column<2>(c + j, ldc, a, panels, kPanel, rows, depth, adds);
    else
      internal::column<1>(c + j, ldc, a, panels, kPanel, rows, depth, adds);
  }
}

/** Pieces of one thread's memory, which it keeps between calls. */
class Scratch {
 public:
  explicit Scratch(int64_t size) {
    thread_local std::vector<float> memory;
    if (static_cast<int64_t>(memory.size()) < size) memory.resize(size);
    next_ = memory.data();
  }
  float* take(int64_t size) {
    float* piece = next_;
    next_ += size;
    return piece;
  }

 private:
  float* next_;
};

}  // namespace durian
