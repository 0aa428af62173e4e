// AdamW and the norm of many gradients: one pass over a tensor, where the composed program takes thirteen.
#include <cmath>

#include "op.h"
#include "pool.h"

namespace durian {
namespace {

/** p, g, m, v of one shape, numbers [7]: keepFirst, takeFirst, keepSecond, takeSecond, rate, guard, shrink -> p', m', v'. */
void adamW(Call& call) {
  const Shape shape = call.shape(0);
  const float *p = call.floats(0), *g = call.floats(1), *m = call.floats(2), *v = call.floats(3), *n = call.floats(4);
  float *moved = call.output(0, shape), *first = call.output(1, shape), *second = call.output(2, shape);
  if (moved == nullptr || first == nullptr || second == nullptr) return;
  const float keepFirst = n[0], takeFirst = n[1], keepSecond = n[2], takeSecond = n[3], rate = n[4], guard = n[5],
              shrink = n[6];
  // as long as 32 multiplications: seven passes over memory
  forRows(call.size(0), 1 << 14, 32, [&](int64_t start, int64_t count) {
#pragma omp simd
    for (int64_t i = start; i < start + count; i++) {
      const float newFirst = m[i] * keepFirst + g[i] * takeFirst;
      const float newSecond = v[i] * keepSecond + g[i] * g[i] * takeSecond;
      first[i] = newFirst;
      second[i] = newSecond;
      moved[i] = p[i] * shrink - newFirst / (std::sqrt(newSecond) + guard) * rate;
    }
  });
}

/** Sum of squares of all tensors together, []: each in float32 blocks that are added up in float64. */
void squaredNorm(Call& call) {
  float* out = call.output(0, {});
  if (out == nullptr) return;
  double total = 0;
  for (int i = 0; i < call.inputs(); i++) {
    const float* x = call.floats(i);
    const int64_t size = call.size(i);
    constexpr int64_t kBlock = 1024;
    for (int64_t start = 0; start < size; start += kBlock) {
      const int64_t end = start + kBlock < size ? start + kBlock : size;
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t j = start; j < end; j++) sum += x[j] * x[j];
      total += sum;
    }
  }
  *out = static_cast<float>(total);
}

}  // namespace

bool defineOptimiser() {
  return define<adamW>({"DurianAdamW",
                        {"p: float", "g: float", "m: float", "v: float", "numbers: float"},
                        {"moved: float", "first: float", "second: float"},
                        {}}) &&
         define<squaredNorm>({"DurianSquaredNorm", {"xs: N * float"}, {"y: float"}, {"N: int >= 1"}});
}

}  // namespace durian
