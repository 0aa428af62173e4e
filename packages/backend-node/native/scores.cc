// Log-probability of chosen tokens and entropy of each row of logits, and the gradient.
#include <cmath>

#include "exp.h"
#include "op.h"

namespace durian {
namespace {

float largestOf(const float* z, int64_t width) {
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
  for (int64_t row = 0; row < rows; row++, z += width) {
    const float largest = largestOf(z, width);
    float total = 0, weighted = 0;
#pragma omp simd reduction(+ : total, weighted)
    for (int64_t i = 0; i < width; i++) {
      const float shifted = z[i] - largest;
      const float weight = fastExpOfFall(shifted);
      total += weight;
      weighted += weight > 0.0f ? weight * shifted : 0.0f;
    }
    const float logTotal = std::log(total);
    logprob[row] = z[ids[row]] - largest - logTotal;
    entropy[row] = logTotal - weighted / total;
  }
}

/** dy [N], logits [N, V], ids [N] -> (onehot - softmax) dy. */
void selectiveLogSoftmaxGrad(Call& call) {
  const Shape shape = call.shape(1);
  const int64_t rows = shape[0], width = shape[1];
  const float *dy = call.floats(0), *z = call.floats(1);
  const int32_t* ids = call.ints(2);
  float* dz = call.output(0, shape);
  if (dz == nullptr) return;
  for (int64_t row = 0; row < rows; row++, z += width, dz += width) {
    softmaxRow(z, dz, width);
    for (int64_t i = 0; i < width; i++) dz[i] *= -dy[row];
    dz[ids[row]] += dy[row];
  }
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
