/**
 * Unbiased estimate that at least one of k completions is right, from n completions of which c are right.
 *
 *   pass@k = 1 - C(n - c, k) / C(n, k)                                   (Chen et al. 2021, arXiv 2107.03374, eq. 1)
 *
 * @returns probability; 1 when fewer than k are wrong
 * @throws RangeError unless 0 <= c <= n and 1 <= k <= n
 */
export const passAtK = ({ n, c, k }: { readonly n: number; readonly c: number; readonly k: number }): number => {
  if (!(c >= 0 && c <= n && k >= 1 && k <= n)) throw new RangeError(`pass@${k} of ${c} right in ${n} is not defined`)
  let allWrong = 1
  for (let i = 0; i < k; i++) allWrong *= Math.max(0, n - c - i) / (n - i)
  return 1 - allWrong
}

/**
 * Whether the most frequent answer is right (maj@n). Ties share: two answers that lead together, one of them right, give 1/2.
 * A completion without an answer does not vote.
 *
 * @param votes - one per completion: its answer (null = none) and whether that is right
 * @returns probability in [0, 1]; 0 when nobody votes
 */
export const majorityAccuracy = (
  votes: ReadonlyArray<{ readonly answer: string | null; readonly right: boolean }>,
): number => {
  const tally = new Map<string, { count: number; right: boolean }>()
  for (const { answer, right } of votes) {
    if (answer === null) continue
    const known = tally.get(answer)
    if (known === undefined) tally.set(answer, { count: 1, right })
    else known.count++
  }
  const leading = [...tally.values()]
  const most = Math.max(0, ...leading.map(({ count }) => count))
  const winners = leading.filter(({ count }) => count === most)
  return winners.length === 0 ? 0 : winners.filter(({ right }) => right).length / winners.length
}
