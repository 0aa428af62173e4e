import { nameIndex, type Shape, sizeOf } from '@durian/core'

/** A hash of 32 bits that leaves no pattern to see: skeeto's lowbias32 (nullprogram.com/blog/2018/07/31). */
const mixed = (x: number): number => {
  let h = x
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}

/** Numbers in [-bound, bound) that depend on seed, name and place: a billion of them in seconds, where Philox takes minutes. */
export const hashed = (name: string, count: number, bound = 1, seed = 1): Float32Array => {
  const start = mixed(nameIndex(name) ^ Math.imul(seed, 0x9e3779b9))
  const out = new Float32Array(count)
  const step = (2 * bound) / 2 ** 32
  for (let i = 0; i < count; i++) out[i] = mixed((start + i) | 0) * step - bound
  return out
}

/** Of the embeddings, as Hugging Face begins with. */
const EMBEDDING_STD = 0.02

/**
 * Weights of a policy that has learnt nothing: linears uniform within 1 / sqrt(fan-in), embeddings small beside what the layers add, so that
 * the next word is open even where the head is the table of embeddings; norms 1, biases 0.
 */
export const seededWeight = (name: string, shape: Shape): Float32Array => {
  const size = sizeOf(shape)
  if (name.endsWith('.bias')) return new Float32Array(size)
  if (shape.length === 1) return new Float32Array(size).fill(1)
  // a uniform distribution is sqrt(3) times as wide to each side as its standard deviation
  return hashed(
    name,
    size,
    name === 'model.embed_tokens.weight' ? EMBEDDING_STD * Math.sqrt(3) : 1 / Math.sqrt(size / shape[0]!),
  )
}
