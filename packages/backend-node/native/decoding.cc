// Attention of one new token of each rollout, to its prompt's keys and to its own earlier tokens, which are kept in a cache with room.
//
// The cache is [runs, 2 hd capacity], run = (chunk, key head, slot of the chunk): keys as columns [hd, capacity], so that scores of
// neighbouring tokens are neighbours, then values as rows [capacity, hd].
#include <cmath>

#include "op.h"
#include "pool.h"
#include "product.h"

namespace durian {
namespace {

/** s[c] = sum over i of q[i] columns[i, c] for c < n, and up to 7 numbers behind them that mean nothing. */
void scoresOf(float* s, int64_t n, const float* columns, int64_t stride, const float* q, int64_t headDim) {
  int64_t c = 0;
  for (; c + 4 * kLanes <= n; c += 4 * kLanes) {
    Lanes a{}, b{}, d{}, e{};
    for (int64_t i = 0; i < headDim; i++) {
      const float* row = columns + i * stride + c;
      a += q[i] * load(row);
      b += q[i] * load(row + kLanes);
      d += q[i] * load(row + 2 * kLanes);
      e += q[i] * load(row + 3 * kLanes);
    }
    store(s + c, a);
    store(s + c + kLanes, b);
    store(s + c + 2 * kLanes, d);
    store(s + c + 3 * kLanes, e);
  }
  for (; c < n; c += kLanes) {
    Lanes a{};
    for (int64_t i = 0; i < headDim; i++) a += q[i] * load(columns + i * stride + c);
    store(s + c, a);
  }
}

/** out[i] += sum over c < n of weights[c] rows[c, i]. */
void addValues(float* out, int64_t headDim, const float* weights, int64_t n, const float* rows) {
  int64_t i = 0;
  for (; i + 2 * kLanes <= headDim; i += 2 * kLanes) {
    Lanes even{}, evenNext{}, odd{}, oddNext{};
    int64_t c = 0;
    for (; c + 2 <= n; c += 2) {
      const float* row = rows + c * headDim + i;
      even += weights[c] * load(row);
      evenNext += weights[c] * load(row + kLanes);
      odd += weights[c + 1] * load(row + headDim);
      oddNext += weights[c + 1] * load(row + headDim + kLanes);
    }
    if (c < n) {
      even += weights[c] * load(rows + c * headDim + i);
      evenNext += weights[c] * load(rows + c * headDim + i + kLanes);
    }
    store(out + i, load(out + i) + even + odd);
    store(out + i + kLanes, load(out + i + kLanes) + evenNext + oddNext);
  }
  for (; i < headDim; i++) {
    float sum = 0;
    for (int64_t c = 0; c < n; c++) sum += weights[c] * rows[c * headDim + i];
    out[i] += sum;
  }
}

/** One head turned by its row's angles, times `scale`. */
void turned(float* y, const float* x, const float* cos, const float* sin, int64_t headDim, float scale) {
  const int64_t half = headDim / 2;
  for (int64_t i = 0; i < half; i++) {
    y[i] = (x[i] * cos[i] - x[i + half] * sin[i]) * scale;
    y[i + half] = (x[i + half] * cos[i + half] + x[i] * sin[i + half]) * scale;
  }
}

/**
 * Queries, keys and values of the new tokens side by side [N, (H + 2 KV) hd], cos, sin [N, 1, hd], prompt keys and values [P KV, Tp, hd],
 * lengths [P + 1] (real tokens of each prompt, then own tokens so far), cache -> mixed values [N, H hd].
 * The new token's keys and values are written into the cache, behind those that are there.
 */
void decodingAttention(Call& call) {
  const Shape shape = call.shape(0), promptShape = call.shape(3);
  const int64_t tokens = shape[0], longest = promptShape[1], headDim = promptShape[2];
  const int64_t prompts = call.size(5) - 1, rollouts = tokens / prompts, keyHeads = promptShape[0] / prompts;
  const int64_t all = shape[1], keyWidth = keyHeads * headDim, width = all - 2 * keyWidth, group = width / keyWidth;
  const float *qkv = call.floats(0), *cos = call.floats(1), *sin = call.floats(2), *promptKeys = call.floats(3),
              *promptValues = call.floats(4);
  const int32_t* lengths = call.ints(5);
  const int64_t past = lengths[prompts], own = past + 1;
  float* cache = call.floats(6);
  const int64_t perRun = call.shape(6)[1], capacity = perRun / (2 * headDim);
  float* mixed = call.output(0, {tokens, width});
  if (mixed == nullptr) return;
  const float scale = 1.0f / std::sqrt(static_cast<float>(headDim));
  const int64_t promptStride = roundUp(longest, kLanes);
  // a piece is one key head of one prompt's rollouts: its keys are turned round once
  auto attend = [&](int64_t pair) {
    const int64_t p = pair / keyHeads, j = pair % keyHeads, length = lengths[p];
    Scratch scratch(headDim * promptStride + longest + own + 5 * kLanes + 2 * headDim);
    float *columns = scratch.take(headDim * promptStride), *query = scratch.take(headDim), *key = scratch.take(headDim);
    float* s = scratch.take(longest + own + 5 * kLanes);
    const float *rows = promptKeys + pair * longest * headDim, *values = promptValues + pair * longest * headDim;
    for (int64_t i = 0; i < headDim; i++)
      for (int64_t c = 0; c < promptStride; c++) columns[i * promptStride + c] = c < length ? rows[c * headDim + i] : 0.0f;
    for (int64_t g = 0; g < rollouts; g++) {
      const int64_t n = p * rollouts + g;
      float* ownKeys = cache + (pair * rollouts + g) * perRun;
      float* ownValues = ownKeys + headDim * capacity;
      const float* token = qkv + n * all;
      turned(key, token + width + j * headDim, cos + n * headDim, sin + n * headDim, headDim, 1.0f);
      for (int64_t i = 0; i < headDim; i++) ownKeys[i * capacity + past] = key[i];
      std::memcpy(ownValues + past * headDim, token + width + keyWidth + j * headDim, headDim * sizeof(float));
      for (int64_t head = j * group; head < (j + 1) * group; head++) {
        turned(query, token + head * headDim, cos + n * headDim, sin + n * headDim, headDim, scale);
        scoresOf(s, length, columns, promptStride, query, headDim);
        scoresOf(s + length, own, ownKeys, capacity, query, headDim);
        softmaxRow(s, s, length + own);
        float* out = mixed + n * width + head * headDim;
        std::memset(out, 0, headDim * sizeof(float));
        addValues(out, headDim, s, length, values);
        addValues(out, headDim, s + length, own, ownValues);
      }
    }
  };
  // four times as long as a product in registers, which these are not
  forPieces(prompts * keyHeads, 4 * tokens * width * (longest + own) * 2, attend);
}

/** cache [runs, 2 hd old] or [0], numbers [4]: runs, hd, tokens that are there, capacity -> the same tokens in [runs, 2 hd capacity]. */
void decodingRoom(Call& call) {
  const int32_t* numbers = call.ints(1);
  const int64_t runs = numbers[0], headDim = numbers[1], length = numbers[2], capacity = numbers[3];
  const float* from = call.floats(0);
  float* to = call.output(0, {runs, 2 * headDim * capacity});
  if (to == nullptr) return;
  // scores are computed up to 7 tokens beyond the last: numbers there must be numbers
  std::memset(to, 0, runs * 2 * headDim * capacity * sizeof(float));
  if (length == 0) return;
  const int64_t before = call.shape(0)[1] / (2 * headDim);
  for (int64_t run = 0; run < runs; run++) {
    const float* source = from + run * 2 * headDim * before;
    float* target = to + run * 2 * headDim * capacity;
    for (int64_t i = 0; i < headDim; i++)
      std::memcpy(target + i * capacity, source + i * before, length * sizeof(float));
    std::memcpy(target + headDim * capacity, source + headDim * before, length * headDim * sizeof(float));
  }
}

}  // namespace

bool defineDecoding() {
  return define<decodingAttention>({"DurianDecodingAttention",
                                    {"qkv: float", "cos: float", "sin: float", "prompt_keys: float", "prompt_values: float",
                                     "lengths: int32", "cache: float"},
                                    {"mixed: float"},
                                    {}}) &&
         define<decodingRoom>({"DurianDecodingRoom", {"cache: float", "numbers: int32"}, {"room: float"}, {}});
}

}  // namespace durian
