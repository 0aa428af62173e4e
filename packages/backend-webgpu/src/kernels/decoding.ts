import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { KernelBody } from '../registry.ts'
import { dot, each, elementOf, type Head, headOf, meet, pieceOf, type Stored, unmet } from './head.ts'
import { roundedHalf4 } from './halfWgsl.ts'
import { groupsOf, type Gpu, THREADS, withIntegers } from './kernel.ts'
import { at as read, power, type Program, put } from './program.ts'

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

interface AttendForm {
  readonly head: Head
  readonly prompt: Stored
  readonly cache: Stored
  readonly halfForm: Gpu['halves']['form']
}

/**
 * One invocation turns one head's query, meets the prompt's keys, its rollout's own and the fresh one. The first head of a key head writes the
 * fresh key and value into the cache; everybody makes the fresh key anew, so nobody reads what this dispatch writes.
 * A row of the cache holds tokens, each its key and then its value.
 */
const attend = ({ head, prompt, cache, halfForm }: AttendForm): Program => ({
  name: `DurianDecodingAttention hd${head.width}${prompt === 'half' ? ' prompt16' : ''}${cache === 'half' ? ' own16' : ''}`,
  inputs: {
    qkv: 'f32',
    cosine: 'f32',
    sine: 'f32',
    promptKey: elementOf(head, prompt),
    promptValue: elementOf(head, prompt),
    lengths: 'i32',
  },
  outputs: { out: head.element, cache: elementOf(head, cache) },
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
  head: () => power + (cache === 'half' ? roundedHalf4(halfForm) : ''),
  body: () => {
    const pieces = head.pieces.length
    const [ofPrompt, ofCache] = [elementOf(head, prompt), elementOf(head, cache)]
    // met as it will come back from the cache, so that the first look is like every later one
    const fresh = (name: 'k' | 'v'): string => (cache === 'half' ? `exact${name}` : name)
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
  ${turned(head, fresh('k'), { start: 'keyStart' })}
  ${each(head, (c) => `let ${fresh('v')}${c} = ${pieceOf(head, c, (d) => `qkv[valueStart + ${d}u]`)};`)}${
    cache === 'half' ? each(head, (c) => ` let k${c} = rounded(exactk${c}); let v${c} = rounded(exactv${c});`) : ''
  }
  ${unmet(head)}
  for (var i = 0u; i < u32(lengths[chunk]); i++) {
    let at = (pair * u.longest + i) * ${pieces}u;
    ${meet(
      head,
      dot(
        head,
        (c) => `q${c}`,
        (c) => read(ofPrompt, 'promptKey', `at + ${c}u`),
      ),
      (c) => read(ofPrompt, 'promptValue', `at + ${c}u`),
    )}
  }
  for (var i = 0u; i < u.length; i++) {
    let at = row + i * ${2 * pieces}u;
    ${meet(
      head,
      dot(
        head,
        (c) => `q${c}`,
        (c) => read(ofCache, 'cache', `at + ${c}u`),
      ),
      (c) => read(ofCache, 'cache', `at + ${pieces + c}u`),
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
    ${each(head, (c) => `${put(ofCache, 'cache', `at + ${c}u`, `${fresh('k')}${c}`)} ${put(ofCache, 'cache', `at + ${pieces + c}u`, `${fresh('v')}${c}`)}`)}
  }`
  },
})

/** Attention of one new token of each rollout, which goes into the cache: [N, (H + 2 KV) hd] -> [N, H hd]. */
export const decodingAttention =
  ({ launch, backend, halves }: Gpu): KernelBody =>
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
    const stored = (x: TensorInfo): Stored => (halves.has(x) ? 'half' : 'full')
    const form = { head: headOf(headDim), prompt: stored(bound[0]!), cache: stored(cache), halfForm: halves.form }
    return withIntegers(backend, lengths.slice(), (limits) => {
      const [mixed] = launch(attend(form), {
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

/** The rows of a cache with more room behind their tokens; what lies there is never read. Words of 16-bit numbers are moved as integers. */
const widened = (element: 'f32' | 'i32'): Program => ({
  name: `DurianDecodingRoom${element === 'i32' ? ' words' : ''}`,
  inputs: { x: element },
  outputs: { y: element },
  numbers: { size: 'u32', used: 'u32', before: 'u32', after: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  y[index / u.used * u.after + index % u.used] = x[index / u.used * u.before + index % u.used];`,
})

/** Buffers that attention of one token binds where its cache is in 16 bits: one more than otherwise, and more than every device has. */
const BUFFERS_OF_HALF = 9

export const decodingRoom =
  ({ launch, backend, halves, precision, mostBuffers }: Gpu): KernelBody =>
  ({ inputs, attrs }) => {
    const [runs, headDim, length, capacity] = attrs['numbers'] as readonly [number, number, number, number]
    const shape = [runs, 2 * capacity * headDim]
    const cache = inputs['cache']!
    const half =
      length === 0 ? precision === 'mixed' && headDim % 4 === 0 && mostBuffers >= BUFFERS_OF_HALF : halves.has(cache)
    const wider = half ? halves.make(shape) : backend.makeTensorInfo(shape, 'float32')
    if (length === 0) return wider
    const words = half ? 2 : 1
    const used = (2 * length * headDim) / words
    launch(widened(half ? 'i32' : 'f32'), {
      inputs: [cache],
      outputs: [wider],
      numbers: { size: runs * used, used, before: cache.shape[1]! / words, after: shape[1]! / words },
      groups: groupsOf(runs * used),
    })
    return wider
  }
