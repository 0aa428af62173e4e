// Kernels over rows: RMSNorm, SwiGLU, softmax and rotary angles, forwards and backwards, in one pass over memory each.
#include <cmath>

#include "exp.h"
#include "op.h"
#include "pool.h"

namespace durian {
namespace {

/** Rows of a piece, in numbers; what a number costs beside a multiplication, in passes over memory and with an exponential. */
constexpr int64_t kNumbersAtOnce = 1 << 14, kPass = 16, kExponential = 48;

int64_t rowsAtOnce(int64_t width) { return width < kNumbersAtOnce ? kNumbersAtOnce / width : 1; }

float inverseRms(const float* x, int64_t width, float epsilon) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < width; i++) sum += x[i] * x[i];
  return 1.0f / std::sqrt(sum / static_cast<float>(width) + epsilon);
}

/** x [N, d], weight [d] -> [N, d]. */
void rmsNorm(Call& call) {
  const Shape shape = call.shape(0);
  const int64_t rows = shape[0], width = shape[1];
  const float *x = call.floats(0), *weight = call.floats(1);
  float* y = call.output(0, shape);
  if (y == nullptr) return;
  forRows(rows, rowsAtOnce(width), width * kPass, [&](int64_t first, int64_t count) {
    const float* from = x + first * width;
    float* to = y + first * width;
    for (int64_t row = 0; row < count; row++, from += width, to += width) {
      const float k = inverseRms(from, width, call.epsilon);
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = from[i] * k * weight[i];
    }
  });
}

/** dy, x [N, d], weight [d] -> dx = k (dy w - x k^2 mean(dy w x)), dw = sum over rows of dy x k. */
void rmsNormGrad(Call& call) {
  const Shape shape = call.shape(1);
  const int64_t rows = shape[0], width = shape[1];
  const float *dy = call.floats(0), *x = call.floats(1), *weight = call.floats(2);
  float *dx = call.output(0, shape), *dw = call.output(1, {width});
  if (dx == nullptr || dw == nullptr) return;
  // a block of rows is added up in float32, the blocks in float64 and in order: thousands of rows lose no digits
  constexpr int64_t kBlock = 64;
  const int64_t blocks = (rows + kBlock - 1) / kBlock;
  std::vector<float> sums(blocks * width, 0);
  forRows(rows, kBlock, width * kPass, [&](int64_t first, int64_t count) {
    float* block = sums.data() + first / kBlock * width;
    for (int64_t row = first; row < first + count; row++) {
      const float *given = dy + row * width, *from = x + row * width;
      float* to = dx + row * width;
      const float k = inverseRms(from, width, call.epsilon);
      float along = 0;
#pragma omp simd reduction(+ : along)
      for (int64_t i = 0; i < width; i++) along += given[i] * weight[i] * from[i];
      const float shrink = along / static_cast<float>(width) * k * k;
#pragma omp simd
      for (int64_t i = 0; i < width; i++) {
        to[i] = k * (given[i] * weight[i] - from[i] * shrink);
        block[i] += given[i] * from[i] * k;
      }
    }
  });
  std::vector<double> total(width, 0);
  for (int64_t block = 0; block < blocks; block++)
    for (int64_t i = 0; i < width; i++) total[i] += sums[block * width + i];
  for (int64_t i = 0; i < width; i++) dw[i] = static_cast<float>(total[i]);
}

/** silu(gate) up, elementwise. */
void swiglu(Call& call) {
  const float *gate = call.floats(0), *up = call.floats(1);
  float* y = call.output(0, call.shape(0));
  if (y == nullptr) return;
  forRows(call.size(0), kNumbersAtOnce, kExponential, [&](int64_t first, int64_t count) {
#pragma omp simd
    for (int64_t i = first; i < first + count; i++) y[i] = gate[i] * sigmoid(gate[i]) * up[i];
  });
}

/** dy, gate, up -> with s = sigmoid(g): dGate = dy up s (1 + g (1 - s)), dUp = dy g s. */
void swigluGrad(Call& call) {
  const float *dy = call.floats(0), *gate = call.floats(1), *up = call.floats(2);
  float *dGate = call.output(0, call.shape(0)), *dUp = call.output(1, call.shape(0));
  if (dGate == nullptr || dUp == nullptr) return;
  forRows(call.size(0), kNumbersAtOnce, kExponential, [&](int64_t first, int64_t count) {
#pragma omp simd
    for (int64_t i = first; i < first + count; i++) {
      const float s = sigmoid(gate[i]), u = dy[i] * s;
      dGate[i] = u * up[i] * (1.0f + gate[i] * (1.0f - s));
      dUp[i] = u * gate[i];
    }
  });
}

/** e^(x - max) / sum over the last axis. */
void softmax(Call& call) {
  const Shape shape = call.shape(0);
  const int64_t width = shape.back(), size = call.size(0);
  const float* x = call.floats(0);
  float* y = call.output(0, shape);
  if (y == nullptr) return;
  forRows(size / width, rowsAtOnce(width), width * kExponential, [&](int64_t first, int64_t count) {
    for (int64_t row = first; row < first + count; row++) softmaxRow(x + row * width, y + row * width, width);
  });
}

/** dy, y -> (dy - sum(dy y)) y over the last axis. */
void softmaxGrad(Call& call) {
  const Shape shape = call.shape(1);
  const int64_t width = shape.back(), size = call.size(1);
  const float *dy = call.floats(0), *y = call.floats(1);
  float* dx = call.output(0, shape);
  if (dx == nullptr) return;
  forRows(size / width, rowsAtOnce(width), width * kPass, [&](int64_t first, int64_t count) {
    for (int64_t start = first * width; start < (first + count) * width; start += width) {
      const float *given = dy + start, *from = y + start;
      float* to = dx + start;
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < width; i++) sum += given[i] * from[i];
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = (given[i] - sum) * from[i];
    }
  });
}

using Turn = void (*)(float* y, const float* x, const float* cos, const float* sin, int64_t half);

/** Each head of a row by the row's angles: x [N, heads hd], cos, sin [N, 1, hd] -> [N, heads hd]. */
template <Turn turn>
void turned(Call& call) {
  const Shape shape = call.shape(0);
  const int64_t rows = shape[0], width = shape[1], headDim = call.shape(1).back();
  const float *x = call.floats(0), *cos = call.floats(1), *sin = call.floats(2);
  float* y = call.output(0, shape);
  if (y == nullptr) return;
  forRows(rows, rowsAtOnce(width), width * kPass, [&](int64_t first, int64_t count) {
    for (int64_t row = first; row < first + count; row++)
      for (int64_t head = row * width; head < (row + 1) * width; head += headDim)
        turn(y + head, x + head, cos + row * headDim, sin + row * headDim, headDim / 2);
  });
}

/** x cos + (-x2, x1) sin. */
void turn(float* y, const float* x, const float* cos, const float* sin, int64_t half) {
#pragma omp simd
  for (int64_t i = 0; i < half; i++) {
    y[i] = x[i] * cos[i] - x[i + half] * sin[i];
    y[i + half] = x[i + half] * cos[i + half] + x[i] * sin[i + half];
  }
}

/** The transpose of the above. */
void turnBack(float* dx, const float* dy, const float* cos, const float* sin, int64_t half) {
#pragma omp simd
  for (int64_t i = 0; i < half; i++) {
    dx[i] = dy[i] * cos[i] + dy[i + half] * sin[i + half];
    dx[i + half] = dy[i + half] * cos[i + half] - dy[i] * sin[i];
  }
}

}  // namespace

void softmaxRow(const float* x, float* y, int64_t width) {
  float largest = x[0];
#pragma omp simd reduction(max : largest)
  for (int64_t i = 1; i < width; i++) largest = x[i] > largest ? x[i] : largest;
  float total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < width; i++) {
    const float e = fastExpOfFall(x[i] - largest);
    y[i] = e;
    total += e;
  }
  const float inverse = 1.0f / total;
  for (int64_t i = 0; i < width; i++) y[i] *= inverse;
}

bool defineRows() {
  return define<rmsNorm>({"DurianRmsNorm", {"x: float", "weight: float"}, {"y: float"}, {"epsilon: float"}}) &&
         define<rmsNormGrad>({"DurianRmsNormGrad",
                              {"dy: float", "x: float", "weight: float"},
                              {"dx: float", "dweight: float"},
                              {"epsilon: float"}}) &&
         define<swiglu>({"DurianSwiglu", {"gate: float", "up: float"}, {"y: float"}, {}}) &&
         define<swigluGrad>(
             {"DurianSwigluGrad", {"dy: float", "gate: float", "up: float"}, {"dgate: float", "dup: float"}, {}}) &&
         define<softmax>({"DurianSoftmax", {"x: float"}, {"y: float"}, {}}) &&
         define<softmaxGrad>({"DurianSoftmaxGrad", {"dy: float", "y: float"}, {"dx: float"}, {}}) &&
         define<turned<turn>>({"DurianRotary", {"x: float", "cos: float", "sin: float"}, {"y: float"}, {}}) &&
         define<turned<turnBack>>({"DurianRotaryGrad", {"dy: float", "cos: float", "sin: float"}, {"dx: float"}, {}});
}

}  // namespace durian
