import type { KernelBody } from '../registry.ts'
import { groupsOf, type Gpu, THREADS, withIntegers } from './kernel.ts'
import { eachOf, groupsOfRows, highestOf, type Lanes, lanesOf, rowAndLane, together } from './lanes.ts'
import { power, type Program } from './program.ts'

/** ln p of the chosen id and the entropy of the row; a weight of 0 adds 0, also where its logit is -Infinity. */
const scores = (lanes: Lanes): Program => ({
  name: `DurianSelectiveLogSoftmax x${lanes.count}`,
  inputs: { z: 'f32', ids: 'i32' },
  outputs: { logprob: 'f32', entropy: 'f32' },
  numbers: { rows: 'u32', width: 'u32' },
  threads: THREADS,
  head: () => together(lanes) + power,
  body: () => `${rowAndLane(lanes)}
  ${highestOf(lanes, 'z')}
  var weights = 0.0;
  var weighted = 0.0;
  ${eachOf(
    lanes,
    'u.width',
    'let shifted = z[start + i] - most; let w = power(shifted); weights += w; if (w != 0.0) { weighted += w * shifted; }',
  )}
  weights = total(weights, lane);
  weighted = total(weighted, lane);
  if (lane == 0u) {
    logprob[row] = z[start + u32(ids[row])] - most - logarithm(weights);
    entropy[row] = logarithm(weights) - weighted / weights;
  }`,
})

/** (onehot - softmax) dy. */
const scoresGrad = (lanes: Lanes): Program => ({
  name: `DurianSelectiveLogSoftmaxGrad x${lanes.count}`,
  inputs: { dy: 'f32', z: 'f32', ids: 'i32' },
  outputs: { dz: 'f32' },
  numbers: { rows: 'u32', width: 'u32' },
  threads: THREADS,
  head: () => together(lanes) + power,
  body: () => `${rowAndLane(lanes)}
  ${highestOf(lanes, 'z')}
  var weights = 0.0;
  ${eachOf(lanes, 'u.width', 'weights += power(z[start + i] - most);')}
  weights = total(weights, lane);
  let chosen = u32(ids[row]);
  ${eachOf(
    lanes,
    'u.width',
    'dz[start + i] = (select(0.0, 1.0, i == chosen) - power(z[start + i] - most) / weights) * dy[row];',
  )}`,
})

/** Logits [N, V], N ids -> log-prob and entropy, [N] each. */
export const selectiveLogSoftmax = ({ launch, style, backend }: Gpu): KernelBody => {
  const lanes = lanesOf(style)
  const program = scores(lanes)
  return ({ inputs, attrs }) => {
    const logits = inputs['logits']!
    const [rows, width] = logits.shape as [number, number]
    return withIntegers(backend, attrs['ids'] as Int32Array, (ids) => [
      ...launch(program, {
        inputs: [logits, ids],
        outputs: [[rows], [rows]],
        numbers: { rows, width },
        groups: groupsOfRows(lanes, rows),
      }),
    ])
  }
}

export const selectiveLogSoftmaxGrad = ({ launch, style, backend }: Gpu): KernelBody => {
  const lanes = lanesOf(style)
  const program = scoresGrad(lanes)
  return ({ inputs, attrs }) => {
    const [dy, logits] = [inputs['dy']!, inputs['logits']!]
    const [rows, width] = logits.shape as [number, number]
    return withIntegers(backend, attrs['ids'] as Int32Array, (ids) => {
      const [dz] = launch(program, {
        inputs: [dy, logits, ids],
        outputs: [logits.shape],
        numbers: { rows, width },
        groups: groupsOfRows(lanes, rows),
      })
      return dz!
    })
  }
}

/** Each row of the table adds up its own tokens, listed from `starts`: no atomics, so the same bits each time. */
const gathered: Program = {
  name: 'DurianEmbeddingGrad',
  inputs: { dy: 'f32', places: 'i32' },
  outputs: { table: 'f32' },
  numbers: { rows: 'u32', width: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.rows * u.width) { return; }
  let row = index / u.width;
  let column = index % u.width;
  var sum = 0.0;
  for (var i = places[row]; i < places[row + 1u]; i++) { sum += dy[u32(places[i]) * u.width + column]; }
  table[index] = sum;`,
}

/** For each row where its tokens begin (the next row's beginning ends them), then the tokens, by row: [rows + 1 + N]. */
const placesByRow = (ids: Int32Array, rows: number): Int32Array => {
  const places = new Int32Array(rows + 1 + ids.length)
  for (const id of ids) places[id + 1]!++
  places[0] = rows + 1
  for (let row = 0; row < rows; row++) places[row + 1]! += places[row]!
  const next = places.slice(0, rows)
  ids.forEach((id, token) => (places[next[id]!++] = token))
  return places
}

/** [N, d] added up into the rows it came from: [V, d]. */
export const embeddingGrad =
  ({ launch, backend }: Gpu): KernelBody =>
  ({ inputs, attrs }) => {
    const dy = inputs['dy']!
    const { ids, rows } = attrs as { readonly ids: Int32Array; readonly rows: number }
    const width = dy.shape[1]!
    return withIntegers(backend, placesByRow(ids, rows), (places) => {
      const [table] = launch(gathered, {
        inputs: [dy, places],
        outputs: [[rows, width]],
        numbers: { rows, width },
        groups: groupsOf(rows * width),
      })
      return table!
    })
  }
