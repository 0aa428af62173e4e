// Log-probability of chosen tokens and entropy of each row of logits, and the gradient.
#include <cmath>

#include "exp.h"
#include "op.h"
#include "pool.h"

namespace durian {
namespace {

/** Rows of a piece, and what a logit costs beside a multiplication. */
constexpr int64_t kRowsAtOnce = 16, kLogit = 64;

float largestOfRow(const float* z, int64_t width) {
  float largest = z[0];
#pragma omp simd reduction(max : largest)
  for (int64_t i = 1; i < width; i++) largest = z[i] > largest ? z[i] : largest;
  return largest;
}

/** logits [N, V], ids [N] -> log-softmax at the id [N], entropy [N], nats. A weight of 0 adds 0, also where z is -infinity. */
void selectiveLogSoftmax(Call& call) {
  const Shape shape = call.shape(0);
  const int64_t rows = shape[0], width = shape[1];
  const float* z = call.floats(0);
  const int32_t* ids = call.ints(1);
  float *logprob = call.output(0, {rows}), *entropy = call.output(1, {rows});
  if (logprob == nullptr || entropy == nullptr) return;
  forRows(rows, kRowsAtOnce, width * kLogit, [&](int64_t first, int64_t count) {
    for (int64_t row = first; row < first + count; row++) {
      const float* x = z + row * width;
      const float largest = largestOfRow(x, width);
      float total = 0, weighted = 0;
#pragma omp simd reduction(+ : total, weighted)
      for (int64_t i = 0; i < width; i++) {
        const float shifted = x[i] - largest;
        const float weight = fastExpOfFall(shifted);
        total += weight;
        weighted += weight > 0.0f ? weight * shifted : 0.0f;
      }
      const float logTotal = std::log(total);
      logprob[row] = x[ids[row]] - largest - logTotal;
      entropy[row] = logTotal - weighted / total;
    }
  });
}

/** dy [N], logits [N, V], ids [N] -> (onehot - softmax) dy. */
void selectiveLogSoftmaxGrad(Call& call) {
  const Shape shape = call.shape(1);
  const int64_t rows = shape[0], width = shape[1];
  const float *dy = call.floats(0), *z = call.floats(1);
  const int32_t* ids = call.ints(2);
  float* dz = call.output(0, shape);
  if (dz == nullptr) return;
  forRows(rows, kRowsAtOnce, width * kLogit, [&](int64_t first, int64_t count) {
    for (int64_t row = first; row < first + count; row++) {
      float* to = dz + row * width;
      softmaxRow(z + row * width, to, width);
      for (int64_t i = 0; i < width; i++) to[i] *= -dy[row];
      to[ids[row]] += dy[row];
    }
  });
}

}  // namespace

bool defineScores() {
  return define<selectiveLogSoftmax>({"DurianSelectiveLogSoftmax",
                                      {"logits: float", "ids: int32"},
                                      {"logprob: float", "entropy: float"},
                                      {}}) &&
         define<selectiveLogSoftmaxGrad>(
             {"DurianSelectiveLogSoftmaxGrad", {"dy: float", "logits: float", "ids: int32"}, {"dlogits: float"}, {}});
}

}  // namespace durian
