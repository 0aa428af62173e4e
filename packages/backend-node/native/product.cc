#include "product.h"

namespace durian {
namespace {

/** Eight rows of eight as their transpose, in three rounds of exchanges. */
inline void transposed(float* to, int64_t toStride, const float* from, int64_t fromStride) {
  Lanes a[kLanes], b[kLanes];
  for (int i = 0; i < kLanes; i++) a[i] = load(from + i * fromStride);
  for (int i = 0; i < 4; i++) {
    b[i] = DURIAN_SHUFFLED(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    b[i + 4] = DURIAN_SHUFFLED(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < kLanes; i += 4)
    for (int j = i; j < i + 2; j++) {
      a[j] = DURIAN_SHUFFLED(b[j], b[j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      a[j + 2] = DURIAN_SHUFFLED(b[j], b[j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < kLanes; i += 2) {
    b[i] = DURIAN_SHUFFLED(a[i], a[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    b[i + 1] = DURIAN_SHUFFLED(a[i], a[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < kLanes; i++) store(to + i * toStride, b[i]);
}

}  // namespace

void packPanels(float* panels, const float* rows, int64_t stride, int64_t count, int64_t depth) {
  for (int64_t first = 0; first < count; first += kLanes) {
    float* to = panels + first / kPanel * kPanel * depth + first % kPanel;
    const float* from = rows + first * stride;
    int64_t k = 0;
    if (first + kLanes <= count)
      for (; k + kLanes <= depth; k += kLanes) transposed(to + k * kPanel, kPanel, from + k, stride);
    for (; k < depth; k++)
      for (int64_t i = 0; i < kLanes; i++) to[k * kPanel + i] = first + i < count ? from[i * stride + k] : 0.0f;
  }
}

}  // namespace durian
