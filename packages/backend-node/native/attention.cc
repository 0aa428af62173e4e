// Softmax attention whose scores live in cache: a block of queries meets all keys it can see, forwards and backwards.
#include <cmath>

#include "exp.h"
#include "op.h"
#include "pool.h"
#include "product.h"

namespace durian {
namespace {

/** Queries of a block: four times the rows that registers hold. */
constexpr int64_t kQueries = 24;

/** What a mask adds to a hidden key's score at most. Beside a key that is seen its weight is then 0 in float32. */
constexpr float kHidden = -1e8f;

/** Inputs of both directions: queries [S, n, hd], keys, values [S, t, hd], shared ones [S', Tp, hd], mask [M, n or 1, Tp + t]. */
struct Inputs {
  const float *queries, *keys, *values, *sharedKeys, *sharedValues, *mask;
  int64_t runs, rows, headDim, own, shared, sets, lots, maskRows;

  int64_t runsOfSet() const { return runs / sets; }
  /** Keys that a run meets, shared ones first. */
  int64_t count() const { return shared + own; }
  /** From one row of scores to the next; more than it takes, for rows that lie 2048 bytes apart push each other out of the cache. */
  int64_t stride() const { return roundUp(count(), kPanel) + kPanel; }
  /** Numbers of packed keys or values. */
  int64_t panels() const { return roundUp(count(), kPanel) * headDim; }
  /** Which row of which mask a query has. */
  int64_t maskRow(int64_t run, int64_t row) const {
    return run / (runs / lots) * maskRows + (maskRows == 1 ? 0 : row);
  }
};

/** Two numbers behind all tensors say which of them there are: shared keys and values, a mask. */
Inputs inputsOf(const Call& call) {
  const int32_t* has = call.ints(call.inputs() - 1);
  const Shape queries = call.shape(0);
  Inputs in{call.floats(0), call.floats(1), call.floats(2), nullptr, nullptr, nullptr};
  in.runs = queries[0];
  in.rows = queries[1];
  in.headDim = queries[2];
  in.own = call.shape(1)[1];
  in.shared = 0;
  in.sets = in.runs;
  in.lots = in.maskRows = 1;
  int next = 3;
  if (has[0] != 0) {
    const Shape shared = call.shape(next);
    in.sharedKeys = call.floats(next++);
    in.sharedValues = call.floats(next++);
    in.sets = shared[0];
    in.shared = shared[1];
  }
  if (has[1] != 0) {
    const Shape mask = call.shape(next);
    in.mask = call.floats(next);
    in.lots = mask[0];
    in.maskRows = mask[1];
  }
  return in;
}

/** For each row of the masks, how many keys come before the last that is seen; a row that sees none spreads over all, as softmax does. */
std::vector<int32_t> seenKeys(const Inputs& in) {
  std::vector<int32_t> seen;
  if (in.mask == nullptr) return seen;
  seen.resize(in.lots * in.maskRows);
  const float* mask = in.mask;
  for (int32_t& keys : seen) {
    int64_t last = in.count();
    while (last > 0 && mask[last - 1] <= kHidden) last--;
    keys = static_cast<int32_t>(last > 0 ? last : in.count());
    mask += in.count();
  }
  return seen;
}

/** Neighbouring queries of one run, and how many of its keys the one that sees most sees. */
struct Block {
  int64_t rows, keys;
};

Block blockOf(const Inputs& in, const std::vector<int32_t>& seen, int64_t run, int64_t first) {
  const int64_t left = in.rows - first;
  Block block{left < kQueries ? left : kQueries, in.count()};
  if (in.mask == nullptr) return block;
  block.keys = 0;
  for (int64_t row = first; row < first + block.rows; row++) {
    const int64_t keys = seen[in.maskRow(run, row)];
    block.keys = keys > block.keys ? keys : block.keys;
  }
  return block;
}

/** Rows of a run, [Tp + t, hd]: those that it shares before its own, put together in `together` where there are both. */
const float* rowsOf(const Inputs& in, const float* shared, const float* own, int64_t run, float* together) {
  const int64_t sharedSize = in.shared * in.headDim, ownSize = in.own * in.headDim;
  const float* mine = own + run * ownSize;
  if (sharedSize == 0) return mine;
  std::memcpy(together, shared + run / in.runsOfSet() * sharedSize, sharedSize * sizeof(float));
  std::memcpy(together + sharedSize, mine, ownSize * sizeof(float));
  return together;
}

/** x += mask, and up to a multiple of 8 what weighs nothing; the largest. */
float masked(float* x, const float* mask, int64_t width) {
  if (mask != nullptr)
#pragma omp simd
    for (int64_t i = 0; i < width; i++) x[i] += mask[i];
  for (int64_t i = width; i < roundUp(width, kLanes); i++) x[i] = -INFINITY;
  Lanes largest = load(x);
  for (int64_t i = kLanes; i < width; i += kLanes) {
    const Lanes next = load(x + i);
    largest = next > largest ? next : largest;
  }
  return largestOf(largest);
}

/** x = e^(x - shift) up to a multiple of 8, and the sum. */
float weights(float* x, int64_t width, float shift) {
  Lanes total{};
  for (int64_t i = 0; i < width; i += kLanes) {
#pragma omp simd
    for (int64_t j = 0; j < kLanes; j++) x[i + j] = fastExpOfFall(x[i + j] - shift);
    total += load(x + i);
  }
  return sumOf(total);
}

/** -> mixed values [S, n, hd], and ln of the total of each query's weights [S, n]. */
void attention(Call& call) {
  const Inputs in = inputsOf(call);
  float *out = call.output(0, {in.runs, in.rows, in.headDim}), *logTotal = call.output(1, {in.runs, in.rows});
  if (out == nullptr || logTotal == nullptr) return;
  const auto seen = seenKeys(in);
  const int64_t headDim = in.headDim, stride = in.stride(), size = in.count() * headDim;
  auto attend = [&](int64_t run) {
    Scratch scratch(size + in.panels() + kQueries * stride);
    float *together = scratch.take(size), *panels = scratch.take(in.panels()), *scores = scratch.take(kQueries * stride);
    packPanels(panels, rowsOf(in, in.sharedKeys, in.keys, run, together), headDim, in.count(), headDim);
    const float* values = rowsOf(in, in.sharedValues, in.values, run, together);
    for (int64_t first = 0; first < in.rows; first += kQueries) {
      const Block block = blockOf(in, seen, run, first);
      const int64_t place = run * in.rows + first;
      productOfPanels(scores, stride, {in.queries + place * headDim, headDim, 1}, panels, block.rows, block.keys, headDim, false);
      float largest[kQueries], total[kQueries];
      for (int64_t row = 0; row < block.rows; row++) {
        float* score = scores + row * stride;
        const float* mask = in.mask == nullptr ? nullptr : in.mask + in.maskRow(run, first + row) * in.count();
        largest[row] = masked(score, mask, block.keys);
        total[row] = weights(score, block.keys, largest[row]);
      }
#pragma omp simd
      for (int64_t row = 0; row < block.rows; row++) logTotal[place + row] = largest[row] + fastLog(total[row]);
      float* mixed = out + place * headDim;
      product(mixed, headDim, {scores, stride, 1}, values, headDim, block.rows, headDim, block.keys, false);
      for (int64_t row = 0; row < block.rows; row++, mixed += headDim) {
        const float inverse = 1.0f / total[row];
#pragma omp simd
        for (int64_t i = 0; i < headDim; i++) mixed[i] *= inverse;
      }
    }
  };
  forPieces(in.runs, in.runs * in.rows * size * 2, attend);
}

/** p = e^(score + mask - logTotal), ds = p (ds - along). What lies behind, up to a multiple of 8, is not read. */
void slopes(float* p, float* ds, const float* mask, int64_t width, float logTotal, float along) {
  const int64_t filled = roundUp(width, kLanes);
  if (mask != nullptr)
#pragma omp simd
    for (int64_t i = 0; i < width; i++) p[i] += mask[i];
#pragma omp simd
  for (int64_t i = 0; i < filled; i++) {
    p[i] = fastExpOfFall(p[i] - logTotal);
    ds[i] = p[i] * (ds[i] - along);
  }
}

/**
 * dy, out [S, n, hd], logTotal [S, n] behind the inputs -> gradients of queries, keys, values and, where there are, shared keys and values.
 * With p = e^(score - logTotal): dv = p^T dy, ds = p (dy v^T - dy . out), dq = ds k, dk = ds^T q.
 */
void attentionGrad(Call& call) {
  const Inputs in = inputsOf(call);
  const bool hasShared = in.sharedKeys != nullptr;
  const int behind = 3 + (hasShared ? 2 : 0) + (in.mask != nullptr ? 1 : 0);
  const float *dy = call.floats(behind), *out = call.floats(behind + 1), *logTotal = call.floats(behind + 2);
  const int64_t headDim = in.headDim, stride = in.stride(), size = in.count() * headDim;
  const int64_t sharedSize = in.shared * headDim, ownSize = in.own * headDim;
  const Shape ownShape{in.runs, in.own, headDim}, sharedShape{hasShared ? in.sets : 0, in.shared, headDim};
  float *dq = call.output(0, {in.runs, in.rows, headDim}), *dk = call.output(1, ownShape), *dv = call.output(2, ownShape),
        *dsk = call.output(3, sharedShape), *dsv = call.output(4, sharedShape);
  if (dq == nullptr || dk == nullptr || dv == nullptr || dsk == nullptr || dsv == nullptr) return;
  const auto seen = seenKeys(in);
  // runs that share keys are one piece: their gradients are added up in order
  auto descend = [&](int64_t set) {
    Scratch scratch(4 * size + 2 * (in.panels() + kQueries * stride));
    float *keysTogether = scratch.take(size), *valuesTogether = scratch.take(size);
    float *keyPanels = scratch.take(in.panels()), *valuePanels = scratch.take(in.panels());
    float *weight = scratch.take(kQueries * stride), *slope = scratch.take(kQueries * stride);
    float *dKeys = scratch.take(size), *dValues = scratch.take(size);
    for (int64_t run = set * in.runsOfSet(); run < (set + 1) * in.runsOfSet(); run++) {
      const float* keys = rowsOf(in, in.sharedKeys, in.keys, run, keysTogether);
      packPanels(keyPanels, keys, headDim, in.count(), headDim);
      packPanels(valuePanels, rowsOf(in, in.sharedValues, in.values, run, valuesTogether), headDim, in.count(), headDim);
      std::memset(dKeys, 0, size * sizeof(float));
      std::memset(dValues, 0, size * sizeof(float));
      for (int64_t first = 0; first < in.rows; first += kQueries) {
        const Block block = blockOf(in, seen, run, first);
        const int64_t place = run * in.rows + first;
        const float *query = in.queries + place * headDim, *given = dy + place * headDim, *mixed = out + place * headDim;
        productOfPanels(weight, stride, {query, headDim, 1}, keyPanels, block.rows, block.keys, headDim, false);
        productOfPanels(slope, stride, {given, headDim, 1}, valuePanels, block.rows, block.keys, headDim, false);
        for (int64_t row = 0; row < block.rows; row++) {
          const float *g = given + row * headDim, *y = mixed + row * headDim;
          float along = 0;
          Lanes sum{};
          int64_t i = 0;
          for (; i + kLanes <= headDim; i += kLanes) sum += load(g + i) * load(y + i);
          for (; i < headDim; i++) along += g[i] * y[i];
          along += sumOf(sum);
          const float* mask = in.mask == nullptr ? nullptr : in.mask + in.maskRow(run, first + row) * in.count();
          slopes(weight + row * stride, slope + row * stride, mask, block.keys, logTotal[place + row], along);
        }
        product(dq + place * headDim, headDim, {slope, stride, 1}, keys, headDim, block.rows, headDim, block.keys, false);
        product(dKeys, headDim, {slope, 1, stride}, query, headDim, block.keys, headDim, block.rows, true);
        product(dValues, headDim, {weight, 1, stride}, given, headDim, block.keys, headDim, block.rows, true);
      }
      std::memcpy(dk + run * ownSize, dKeys + sharedSize, ownSize * sizeof(float));
      std::memcpy(dv + run * ownSize, dValues + sharedSize, ownSize * sizeof(float));
      const bool adds = run % in.runsOfSet() != 0;
      for (int64_t i = 0; i < sharedSize; i++) {
        const int64_t at = set * sharedSize + i;
        dsk[at] = adds ? dsk[at] + dKeys[i] : dKeys[i];
        dsv[at] = adds ? dsv[at] + dValues[i] : dValues[i];
      }
    }
  };
  forPieces(in.sets, in.runs * in.rows * size * 5, descend);
}

}  // namespace

bool defineAttention() {
  return define<attention>({"DurianAttention",
                            {"inputs: N * float", "has: int32"},
                            {"mixed: float", "log_total: float"},
                            {"N: int >= 3"}}) &&
         define<attentionGrad>({"DurianAttentionGrad",
                                {"inputs: N * float", "has: int32"},
                                {"dqueries: float", "dkeys: float", "dvalues: float", "dshared_keys: float", "dshared_values: float"},
                                {"N: int >= 6"}});
}

}  // namespace durian
