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

/** What one row of logits offers. */
export interface Offer {
  /** Ids that may be drawn, in order. */
  readonly kept: Int32Array
  /** Of all tokens: probability times `total`. */
  readonly weights: Float64Array
  readonly total: number
  /** The largest logit. */
  readonly peak: number
  /** Weight of what may be drawn; the very bits of `total` where that is everything. */
  readonly mass: number
}

/**
 * Bans, then top-k, then top-p (on what is left, renormalised), with the ties of Hugging Face's logits processors; float64.
 *
 * @throws RangeError when every token is banned
 */
export const offer = (options: DrawOptions): ((logits: ArrayLike<number>) => Offer) => {
  const temperature = options.temperature === 0 ? 1 : options.temperature
  let allowed = new Int32Array(0) // the ids left by the ban, made once for a vocabulary
  let vocabulary = 0
  return (logits) => {
    if (logits.length !== vocabulary) {
      vocabulary = logits.length
      allowed = Int32Array.from({ length: vocabulary }, (_, id) => id).filter((id) => !options.banned.has(id))
    }
    if (allowed.length === 0) throw new RangeError(`all ${logits.length} tokens are banned`)
    const peak = largest(logits)
    const weights = new Float64Array(logits.length)
    let total = 0
    for (let id = 0; id < weights.length; id++) total += weights[id] = Math.exp((logits[id]! - peak) / temperature)
    const kept = truncates(options) ? truncated(allowed, weights, options) : allowed
    return { kept, weights, total, peak, mass: kept.length === logits.length ? total : sum(kept, weights) }
  }
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
export const drawToken = (options: DrawOptions): ((logits: ArrayLike<number>, u: number) => Draw) => {
  const greedy = options.temperature === 0
  const temperature = greedy ? 1 : options.temperature
  const offered = offer(options)
  return (logits, u) => {
    const { kept, weights, total, peak, mass } = offered(logits)
    const token = greedy ? likeliest(kept, logits) : inverted(kept, weights, u * mass)
    return {
      token,
      // From logits, not ln of the probability: that would be -Infinity for p below 1e-323.
      logprob: (logits[token]! - peak) / temperature - Math.log(total),
      excludedMass: kept.length === logits.length ? 0 : Math.max(0, 1 - mass / total),
    }
  }
}

/** Whether top-k or top-p may shut tokens out; the likeliest token is in both. */
export const truncates = ({ temperature, topK, topP }: DrawOptions): boolean =>
  temperature > 0 && (topK > 0 || topP < 1)

const largest = (xs: ArrayLike<number>): number => {
  let max = -Infinity
  for (let i = 0; i < xs.length; i++) max = Math.max(max, xs[i]!) // NaN stays NaN
  return max
}

const sum = (ids: Int32Array, weights: Float64Array): number => {
  let total = 0
  for (let i = 0; i < ids.length; i++) total += weights[ids[i]!]!
  return total
}

const truncated = (allowed: Int32Array, weights: Float64Array, { topK: k, topP: share }: DrawOptions): Int32Array => {
  const likely = k > 0 && k < allowed.length ? topK(allowed, weights, k) : allowed
  return share < 1 ? topP(likely, weights, share) : likely
}

/** Tokens at least as likely as the k-th: ties with it stay, as in torch.topk's threshold. */
const topK = (ids: Int32Array, weights: Float64Array, k: number): Int32Array => {
  const threshold = Float64Array.from(ids, (id) => weights[id]!).sort()[ids.length - k]!
  return ids.filter((id) => weights[id]! >= threshold)
}

/** The fewest likeliest tokens that reach `share` of the mass; at least one. */
const topP = (ids: Int32Array, weights: Float64Array, share: number): Int32Array => {
  const wanted = share * sum(ids, weights)
  const kept = new Set<number>()
  let reached = 0
  for (const id of ids.toSorted((a, b) => weights[b]! - weights[a]! || a - b)) {
    if (kept.size > 0 && reached >= wanted) break
    kept.add(id)
    reached += weights[id]!
  }
  return ids.filter((id) => kept.has(id))
}

const likeliest = (ids: Int32Array, logits: ArrayLike<number>): number =>
  ids.reduce((best, id) => (logits[id]! > logits[best]! ? id : best), ids[0]!)

/** First token at which the running sum exceeds `target`; rounding can leave the whole sum at it, then the last possible one. */
const inverted = (ids: Int32Array, weights: Float64Array, target: number): number => {
  let reached = 0
  let last = ids[0]!
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (weights[id] === 0) continue
    last = id
    reached += weights[id]!
    if (reached > target) return id
  }
  return last
}
