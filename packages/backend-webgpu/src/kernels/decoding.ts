import type { KernelBody } from '../registry.ts'
import { dot, each, type Head, headOf, meet, pieceOf, unmet } from './head.ts'
import { groupsOf, type Gpu, THREADS, withIntegers } from './kernel.ts'
import { power, type Program } from './program.ts'

/** x cos + (-x2, x1) sin of the head that begins at `start` in a row of `qkv`, its angles at `angles`. */
const turned = (
  head: Head,
  name: string,
  { start, factor }: { readonly start: string; readonly factor?: string },
): string => {
  const half = head.width / 2
  const number = (d: number): string => {
    const [other, sign] = d < half ? [d + half, '-'] : [d - half, '+']
    return `qkv[${start} + ${d}u] * cosine[angles + ${d}u] ${sign} qkv[${start} + ${other}u] * sine[angles + ${d}u]`
  }
  return each(
    head,
    (c) => `let ${name}${c} = ${factor === undefined ? '' : `${factor} * `}(${pieceOf(head, c, number)});`,
  )
}

/**
 * One invocation turns one head's query, meets the prompt's keys, its rollout's own and the fresh one. The first head of a key head writes the
 * fresh key and value into the cache; everybody makes the fresh key anew, so nobody reads what this dispatch writes.
 * A row of the cache holds tokens, each its key and then its value.
 */
const attend = (head: Head): Program => ({
  name: `DurianDecodingAttention hd${head.width}`,
  inputs: {
    qkv: 'f32',
    cosine: 'f32',
    sine: 'f32',
    promptKey: head.element,
    promptValue: head.element,
    lengths: 'i32',
  },
  outputs: { out: head.element, cache: head.element },
  numbers: {
    tokens: 'u32',
    rollouts: 'u32',
    heads: 'u32',
    keyHeads: 'u32',
    longest: 'u32',
    length: 'u32',
    capacity: 'u32',
  },
  threads: THREADS,
  head: () => power,
  body: () => {
    const pieces = head.pieces.length
    return `
  if (index >= u.tokens * u.heads) { return; }
  let token = index / u.heads;
  let queryHead = index % u.heads;
  let group = u.heads / u.keyHeads;
  let chunk = token / u.rollouts;
  let pair = chunk * u.keyHeads + queryHead / group;
  let row = (pair * u.rollouts + token % u.rollouts) * u.capacity * ${2 * pieces}u;
  let angles = token * ${head.width}u;
  let start = token * (u.heads + 2u * u.keyHeads) * ${head.width}u;
  let keyStart = start + (u.heads + queryHead / group) * ${head.width}u;
  let valueStart = keyStart + u.keyHeads * ${head.width}u;
  let queryStart = start + queryHead * ${head.width}u;
  ${turned(head, 'q', { start: 'queryStart', factor: (head.width ** -0.5).toPrecision(9) })}
  ${turned(head, 'k', { start: 'keyStart' })}
  ${each(head, (c) => `let v${c} = ${pieceOf(head, c, (d) => `qkv[valueStart + ${d}u]`)};`)}
  ${unmet(head)}
  for (var i = 0u; i < u32(lengths[chunk]); i++) {
    let at = (pair * u.longest + i) * ${pieces}u;
    ${meet(
      head,
      dot(
        head,
        (c) => `q${c}`,
        (c) => `promptKey[at + ${c}u]`,
      ),
      (c) => `promptValue[at + ${c}u]`,
    )}
  }
  for (var i = 0u; i < u.length; i++) {
    let at = row + i * ${2 * pieces}u;
    ${meet(
      head,
      dot(
        head,
        (c) => `q${c}`,
        (c) => `cache[at + ${c}u]`,
      ),
      (c) => `cache[at + ${pieces + c}u]`,
    )}
  }
  {
    ${meet(
      head,
      dot(
        head,
        (c) => `q${c}`,
        (c) => `k${c}`,
      ),
      (c) => `v${c}`,
    )}
  }
  let place = index * ${pieces}u;
  ${each(head, (c) => `out[place + ${c}u] = sum${c} / weights;`)}
  if (queryHead % group == 0u) {
    let at = row + u.length * ${2 * pieces}u;
    ${each(head, (c) => `cache[at + ${c}u] = k${c}; cache[at + ${pieces + c}u] = v${c};`)}
  }`
  },
})

/** Attention of one new token of each rollout, which goes into the cache: [N, (H + 2 KV) hd] -> [N, H hd]. */
export const decodingAttention =
  ({ launch, backend }: Gpu): KernelBody =>
  ({ inputs, attrs }) => {
    const [qkv, cos, sin] = [inputs['qkv']!, inputs['cos']!, inputs['sin']!]
    const [promptKeys, promptValues, cache] = [inputs['promptKeys']!, inputs['promptValues']!, inputs['cache']!]
    const given = attrs['lengths'] as Int32Array
    const lengths = given.subarray(0, -1)
    const [tokens, width] = qkv.shape as [number, number]
    const [pairs, longest, headDim] = promptKeys.shape as [number, number, number]
    const keyHeads = pairs / lengths.length
    const heads = width / headDim - 2 * keyHeads
    // a buffer of no bytes cannot be bound; of another nothing is read
    const bound = longest === 0 ? [qkv, qkv] : [promptKeys, promptValues]
    return withIntegers(backend, lengths.slice(), (limits) => {
      const [mixed] = launch(attend(headOf(headDim)), {
        inputs: [qkv, cos, sin, ...bound, limits],
        outputs: [[tokens, heads * headDim], cache],
        numbers: {
          tokens,
          rollouts: tokens / lengths.length,
          heads,
          keyHeads,
          longest,
          length: given.at(-1)!,
          capacity: cache.shape[1]! / (2 * headDim),
        },
        groups: groupsOf(tokens * heads),
      })
      return mixed!
    })
  }

/** The rows of a cache with more room behind their tokens; what lies there is never read. */
const widened: Program = {
  name: 'DurianDecodingRoom',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  numbers: { size: 'u32', used: 'u32', before: 'u32', after: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  y[index / u.used * u.after + index % u.used] = x[index / u.used * u.before + index % u.used];`,
}

export const decodingRoom =
  ({ launch, backend }: Gpu): KernelBody =>
  ({ inputs, attrs }) => {
    const [runs, headDim, length, capacity] = attrs['numbers'] as readonly [number, number, number, number]
    const shape = [runs, 2 * capacity * headDim]
    if (length === 0) return backend.makeTensorInfo(shape, 'float32')
    const used = 2 * length * headDim
    const [wider] = launch(widened, {
      inputs: [inputs['cache']!],
      outputs: [shape],
      numbers: { size: runs * used, used, before: inputs['cache']!.shape[1]!, after: shape[1]! },
      groups: groupsOf(runs * used),
    })
    return wider!
  }
