import { ShapeError, type Fused, type OwnTokens } from '@durian/core'
import type { Tensor, Tf } from '../tf.ts'
import { run } from './define.ts'
import { attention, linear } from './products.ts'

/** tfjs's types promise an entry; what it has none of is undefined. */
const isKnown = (entry: unknown): boolean => entry !== undefined

/**
 * Entries that exist only where the backend has brought a kernel of its own: composed of stock kernels they would be no faster than
 * core's programs. Gradients are registered here, once for all backends, and run named kernels.
 */
export const broughtOps = (tf: Tf, backendName: string): Partial<Fused<Tensor>> => {
  const has = (name: string): boolean => isKnown(tf.getKernel(name, backendName))
  if (has('DurianRotary')) registerRotaryGradient(tf)
  return {
    ...(has('DurianLinear') ? { linear: linear(tf) } : {}),
    ...(has('DurianAttention') ? { attention: attention(tf) } : {}),
    ...(has('DurianRotary') ? { rotary: rotary(tf) } : {}),
    ...(has('DurianAdamW') ? { adamW: adamW(tf) } : {}),
    ...(has('DurianSquaredNorm') ? { squaredNorm: squaredNorm(tf) } : {}),
    ...(has('DurianScaled') ? { scaled: scaled(tf) } : {}),
    ...(has('DurianDecodingAttention') ? { decodingAttention: decodingAttention(tf) } : {}),
    ...(has('DurianDrawTokens') ? { drawTokens: drawTokens(tf) } : {}),
  }
}

const registerRotaryGradient = (tf: Tf): void => {
  if (isKnown(tf.getGradient('DurianRotary'))) return
  tf.registerGradient({
    kernelName: 'DurianRotary',
    inputsToSave: ['cos', 'sin'],
    gradFunc: (dy, [cos, sin]) => ({
      x: () => run(tf, 'DurianRotaryGrad', { dy: dy as Tensor, cos: cos!, sin: sin! }),
    }),
  })
}

const rotary =
  (tf: Tf): Fused<Tensor>['rotary'] =>
  (x, cos, sin) => {
    const [rows, width] = x.shape
    const [rowsOfTable, one, headDim] = cos.shape
    const fits =
      x.shape.length === 2 &&
      cos.shape.length === 3 &&
      rowsOfTable === rows &&
      one === 1 &&
      headDim! % 2 === 0 &&
      width! % headDim! === 0 &&
      sin.shape.join() === cos.shape.join()
    if (!fits) {
      throw new ShapeError(
        `rotary: [${x.shape}], [${cos.shape}] and [${sin.shape}] are not [N, heads * hd] and twice [N, 1, hd], hd even`,
      )
    }
    return run(tf, 'DurianRotary', { x, cos, sin })
  }

const adamW =
  (tf: Tf): Fused<Tensor>['adamW'] =>
  (param, grad, { first, second }, numbers) => {
    if ([grad, first, second].some(({ shape }) => shape.join() !== param.shape.join())) {
      throw new ShapeError(
        `adamW: parameter [${param.shape}], gradient [${grad.shape}] and moments [${first.shape}], [${second.shape}] differ`,
      )
    }
    const inputs = { p: param, g: grad, m: first, v: second }
    const [moved, newFirst, newSecond] = run<Tensor[]>(tf, 'DurianAdamW', inputs, { ...numbers })
    return { param: moved!, first: newFirst!, second: newSecond! }
  }

const squaredNorm =
  (tf: Tf): Fused<Tensor>['squaredNorm'] =>
  (xs) => {
    if (xs.length === 0) throw new ShapeError('squaredNorm: there is no tensor')
    return run(tf, 'DurianSquaredNorm', Object.fromEntries(xs.map((x, i) => [`x${i}`, x])))
  }

const scaled =
  (tf: Tf): Fused<Tensor>['scaled'] =>
  (xs, factor) => {
    if (factor.size !== 1) throw new ShapeError(`scaled: the factor [${factor.shape}] is not one number`)
    return run<Tensor[]>(tf, 'DurianScaled', { factor, ...Object.fromEntries(xs.map((x, i) => [`x${i}`, x])) })
  }

/** Tokens that a new cache has room for; it doubles when they are full. */
const ROOM = 32

const decodingAttention =
  (tf: Tf): Fused<Tensor>['decodingAttention'] =>
  ({ qkv, cos, sin }, prompt, own) => {
    const [tokens = 0, width = 0] = qkv.shape
    const [pairs = 0, longest = 0, headDim = 0] = prompt.keys.shape
    const prompts = prompt.lengths.length
    const keyHeads = pairs / prompts
    const heads = width / headDim - 2 * keyHeads
    const fits =
      qkv.shape.length === 2 &&
      prompt.keys.shape.length === 3 &&
      Number.isInteger(keyHeads) &&
      heads >= keyHeads &&
      heads % keyHeads === 0 &&
      headDim % 2 === 0 &&
      tokens % prompts === 0 &&
      cos.shape.join() === `${tokens},1,${headDim}` &&
      sin.shape.join() === cos.shape.join() &&
      prompt.values.shape.join() === prompt.keys.shape.join() &&
      prompt.lengths.every((length) => length >= 0 && length <= longest)
    if (!fits) {
      throw new ShapeError(
        `decodingAttention: tokens [${qkv.shape}], angles [${cos.shape}], prompt [${prompt.keys.shape}] and ${prompts} lengths do not belong together`,
      )
    }
    const runs = tokens * keyHeads
    const cache = roomy(tf, own, { runs, headDim })
    const inputs = { qkv, cos, sin, promptKeys: prompt.keys, promptValues: prompt.values, cache }
    const lengths = Int32Array.of(...prompt.lengths, own.length)
    const mixed = run(tf, 'DurianDecodingAttention', inputs, { lengths })
    return { mixed, own: { cache, length: own.length + 1 } }
  }

/** The cache with room for one token more; the old one is freed where it had none. */
const roomy = (
  tf: Tf,
  { cache, length }: OwnTokens<Tensor>,
  { runs, headDim }: { readonly runs: number; readonly headDim: number },
): Tensor => {
  const capacity = cache === null ? 0 : cache.shape[1]! / (2 * headDim)
  if (cache !== null && (cache.shape[0] !== runs || capacity < length)) {
    throw new ShapeError(`decodingAttention: a cache [${cache.shape}] does not hold ${length} tokens of ${runs} runs`)
  }
  if (cache !== null && length < capacity) return cache
  const numbers = Int32Array.of(runs, headDim, length, Math.max(ROOM, 2 * capacity))
  const wider = run(tf, 'DurianDecodingRoom', { cache: cache ?? tf.zeros([0]) }, { numbers })
  cache?.dispose()
  return wider
}

/** Float32 counts so far. */
const MOST_WORDS = 2 ** 24

const drawTokens =
  (tf: Tf): Fused<Tensor>['drawTokens'] =>
  (logits, uniforms, options) => {
    const [rows = 0, words = 0] = logits.shape
    if (logits.shape.length !== 2 || rows !== uniforms.length || words < 1 || words > MOST_WORDS) {
      throw new ShapeError(
        `drawTokens: logits [${logits.shape}] and ${uniforms.length} uniforms are not [N, V] and N, V from 1 to ${MOST_WORDS}`,
      )
    }
    // bits of the ban, then those of the uniforms: one upload
    const bits = options.banned.size === 0 ? 0 : Math.ceil(words / 32)
    const given = new Int32Array(bits + rows)
    let banned = 0
    for (const id of options.banned) {
      if (id >= words) continue
      given[id >>> 5]! |= 1 << (id & 31)
      banned++
    }
    if (banned === words) throw new RangeError(`all ${words} tokens are banned`)
    new Float32Array(given.buffer, 4 * bits).set(uniforms)
    return run(tf, 'DurianDrawTokens', { logits }, { given, options })
  }
