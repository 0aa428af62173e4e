// Linears of few rows, as in sampling, where TensorFlow's product takes longer to lay the weight out than to multiply; and embeddings.
#include "op.h"
#include "pool.h"
#include "product.h"

namespace durian {
namespace {

/** A piece of the result, and how much of the depth is multiplied at once: what one piece reads fits into the second cache. */
constexpr int64_t kRowsAtOnce = 96, kColumnsAtOnce = 64, kDepthAtOnce = 256;

/** x [rows, depth], weight [width, depth]; bias [width] and plus [rows, width] may be null. */
struct Linear {
  const float *x, *weight, *bias, *plus;
  int64_t rows, width, depth;
};

/** y [rows, wide] += bias and plus, from column j on. */
void add(float* y, const Linear& p, int64_t first, int64_t rows, int64_t j, int64_t wide) {
  for (int64_t i = 0; i < rows; i++, y += p.width) {
    const float* plus = p.plus + (first + i) * p.width + j;
    if (p.bias != nullptr)
      for (int64_t l = 0; l < wide; l++) y[l] += p.bias[j + l];
    if (p.plus != nullptr)
      for (int64_t l = 0; l < wide; l++) y[l] += plus[l];
  }
}

/** Rows [first, first + rows) and columns [left, left + width) of the result. */
void piece(float* y, const Linear& p, int64_t first, int64_t rows, int64_t left, int64_t width) {
  // few rows are done with a panel at once, and then want long runs of the weight's rows
  const int64_t depthAtOnce = rows <= 2 * kRows ? 4 * kDepthAtOnce : kDepthAtOnce;
  Scratch scratch(kPanel * (depthAtOnce + kRowsAtOnce));
  float *panel = scratch.take(kPanel * depthAtOnce), *edge = scratch.take(kPanel * kRowsAtOnce);
  for (int64_t k = 0; k < p.depth; k += depthAtOnce) {
    const int64_t depth = p.depth - k < depthAtOnce ? p.depth - k : depthAtOnce;
    const Strided x{p.x + first * p.depth + k, p.depth, 1};
    for (int64_t j = left; j < left + width; j += kPanel) {
      const int64_t wide = left + width - j < kPanel ? left + width - j : kPanel;
      float* to = y + first * p.width + j;
      packPanels(panel, p.weight + j * p.depth + k, p.depth, wide, depth);
      if (wide % kLanes == 0) {
        productOfPanels(to, p.width, x, panel, rows, wide, depth, k > 0);
      } else {
        // a register more than the row has: aside, since there the next row begins
        productOfPanels(edge, kPanel, x, panel, rows, wide, depth, false);
        for (int64_t i = 0; i < rows; i++)
          for (int64_t l = 0; l < wide; l++)
            to[i * p.width + l] = edge[i * kPanel + l] + (k > 0 ? to[i * p.width + l] : 0.0f);
      }
      if (k + depth == p.depth) add(to, p, first, rows, j, wide);
    }
  }
}

/** x [N, in], weight [out, in], and where the numbers [2] behind say so bias [out] and plus [N, out] -> x weight^T + bias + plus. */
void linear(Call& call) {
  const int32_t* has = call.ints(call.inputs() - 1);
  Linear p{call.floats(0), call.floats(1), nullptr, nullptr, call.shape(0)[0], call.shape(1)[0], call.shape(0)[1]};
  int next = 2;
  if (has[0] != 0) p.bias = call.floats(next++);
  if (has[1] != 0) p.plus = call.floats(next);
  float* y = call.output(0, {p.rows, p.width});
  if (y == nullptr) return;
  const int64_t across = (p.width + kColumnsAtOnce - 1) / kColumnsAtOnce;
  auto part = [&](int64_t i) {
    const int64_t first = i / across * kRowsAtOnce, left = i % across * kColumnsAtOnce;
    piece(y, p, first, p.rows - first < kRowsAtOnce ? p.rows - first : kRowsAtOnce, left,
          p.width - left < kColumnsAtOnce ? p.width - left : kColumnsAtOnce);
  };
  forPieces((p.rows + kRowsAtOnce - 1) / kRowsAtOnce * across, p.rows * p.width * p.depth, part);
}

/** table [V, d], ids [N] -> [N, d]. */
void embedding(Call& call) {
  const int64_t rows = call.size(1), width = call.shape(0)[1];
  const float* table = call.floats(0);
  const int32_t* ids = call.ints(1);
  float* y = call.output(0, {rows, width});
  if (y == nullptr) return;
  for (int64_t row = 0; row < rows; row++) std::memcpy(y + row * width, table + ids[row] * width, width * sizeof(float));
}

/** dy [N, d], ids [N], rows [1] -> [V, d]: each row added to its id's, in order. */
void embeddingGrad(Call& call) {
  const int64_t rows = call.size(1), width = call.shape(0)[1], words = call.ints(2)[0];
  const float* dy = call.floats(0);
  const int32_t* ids = call.ints(1);
  float* table = call.output(0, {words, width});
  if (table == nullptr) return;
  std::memset(table, 0, words * width * sizeof(float));
  for (int64_t row = 0; row < rows; row++) {
    float* sum = table + ids[row] * width;
    const float* given = dy + row * width;
#pragma omp simd
    for (int64_t i = 0; i < width; i++) sum[i] += given[i];
  }
}

}  // namespace

bool defineLinear() {
  return define<linear>({"DurianLinear", {"inputs: N * float", "has: int32"}, {"y: float"}, {"N: int >= 2"}}) &&
         define<embedding>({"DurianEmbedding", {"table: float", "ids: int32"}, {"y: float"}, {}}) &&
         define<embeddingGrad>({"DurianEmbeddingGrad", {"dy: float", "ids: int32", "rows: int32"}, {"dtable: float"}, {}});
}

}  // namespace durian
