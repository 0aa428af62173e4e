/** Which tokens may be drawn, and how. */
export interface DrawOptions {
  /** 0: the likeliest token that may be drawn. */
  readonly temperature: number
  /** (0, 1]; 1: all. */
  readonly topP: number
  /** 0: all. */
  readonly topK: number
  /** Token ids that are never drawn. */
  readonly banned: ReadonlySet<number>
}

export interface Draw {
  readonly token: number
  /** ln p of the token under softmax(logits / temperature) over the full vocabulary, nats; at temperature 0 under softmax(logits). NaN if a logit is. */
  readonly logprob: number
  /** Probability mass of the tokens that bans, top-k and top-p shut out, [0, 1); exactly 0 when none is. */
  readonly excludedMass: number
}

/**
 * One token of one row of logits. Pure: `u` decides.
 *
 * Probabilities are computed in float64 over the full vocabulary. Bans, then top-k, then top-p (on what is left, renormalised) only
 * restrict the draw, in the order and with the ties of Hugging Face's logits processors; the reported log-prob is not renormalised.
 * The draw inverts the cumulative distribution in order of token ids.
 *
 * @param u - uniform in [0, 1)
 * @throws RangeError when every token is banned
 */
export const drawToken =
  (options: DrawOptions) =>
  (logits: ArrayLike<number>, u: number): Draw => {
    const greedy = options.temperature === 0
    const probabilities = softmax(logits, greedy ? 1 : options.temperature)
    let kept: ReadonlyArray<number> = Array.from(probabilities.keys())
    if (options.banned.size > 0) kept = kept.filter((id) => !options.banned.has(id))
    if (kept.length === 0) throw new RangeError(`all ${logits.length} tokens are banned`)
    if (!greedy && options.topK > 0 && options.topK < kept.length) kept = topK(kept, probabilities, options.topK)
    if (!greedy && options.topP < 1) kept = topP(kept, probabilities, options.topP)
    const mass = sum(kept, probabilities)
    const token = greedy ? likeliest(kept, logits) : inverted(kept, probabilities, u * mass)
    return {
      token,
      logprob: logProbability(logits, token, greedy ? 1 : options.temperature),
      excludedMass: kept.length === logits.length ? 0 : Math.max(0, 1 - mass),
    }
  }

const largest = (xs: ArrayLike<number>): number => {
  let max = -Infinity
  for (let i = 0; i < xs.length; i++) max = Math.max(max, xs[i]!) // NaN stays NaN
  return max
}

const softmax = (logits: ArrayLike<number>, temperature: number): Float64Array => {
  const max = largest(logits)
  const out = new Float64Array(logits.length)
  let total = 0
  for (let i = 0; i < out.length; i++) total += out[i] = Math.exp((logits[i]! - max) / temperature)
  for (let i = 0; i < out.length; i++) out[i]! /= total
  return out
}

/** From logits, not ln of the probability: that would be -Infinity for p below 1e-323. */
const logProbability = (logits: ArrayLike<number>, token: number, temperature: number): number => {
  const max = largest(logits)
  let total = 0
  for (let i = 0; i < logits.length; i++) total += Math.exp((logits[i]! - max) / temperature)
  return (logits[token]! - max) / temperature - Math.log(total)
}

const sum = (ids: ReadonlyArray<number>, p: Float64Array): number => ids.reduce((total, id) => total + p[id]!, 0)

/** Tokens at least as likely as the k-th: ties with it stay, as in torch.topk's threshold. */
const topK = (ids: ReadonlyArray<number>, p: Float64Array, k: number): ReadonlyArray<number> => {
  const threshold = ids.map((id) => p[id]!).sort((a, b) => b - a)[k - 1]!
  return ids.filter((id) => p[id]! >= threshold)
}

/** The fewest likeliest tokens that reach `share` of the mass; at least one. */
const topP = (ids: ReadonlyArray<number>, p: Float64Array, share: number): ReadonlyArray<number> => {
  const wanted = share * sum(ids, p)
  const kept = new Set<number>()
  let reached = 0
  for (const id of ids.toSorted((a, b) => p[b]! - p[a]! || a - b)) {
    if (kept.size > 0 && reached >= wanted) break
    kept.add(id)
    reached += p[id]!
  }
  return ids.filter((id) => kept.has(id))
}

const likeliest = (ids: ReadonlyArray<number>, logits: ArrayLike<number>): number =>
  ids.reduce((best, id) => (logits[id]! > logits[best]! ? id : best))

/** First token at which the running sum exceeds `target`; rounding can leave the whole sum at it, then the last possible one. */
const inverted = (ids: ReadonlyArray<number>, p: Float64Array, target: number): number => {
  let reached = 0
  let last = ids[0]!
  for (const id of ids) {
    if (p[id] === 0) continue
    last = id
    reached += p[id]!
    if (reached > target) return id
  }
  return last
}
