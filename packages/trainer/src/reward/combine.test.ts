import { either as E, type taskEither as TE } from 'fp-ts'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentence, type TrainError } from '../errors.ts'
import { value } from '../train/testing.ts'
import { combineRewards, type RewardOptions, type TotalReward } from './combine.ts'
import type { Scored } from './rewards.ts'

const scored = (response: string, answer = '4', length = 10, id = 'r'): Scored => ({
  row: { id, problem: '<image>x?', answer, images: [Uint8Array.of(1, 2, 3)], extra: { family: 'bars' } },
  response,
  length,
})
const good = '<think>1+3=4</think>\\boxed{4}'

/** The rewards of some completions. */
const rewards = async (options: RewardOptions, ...items: ReadonlyArray<Scored>): Promise<ReadonlyArray<TotalReward>> =>
  value((await value(combineRewards(options)))(items))
const totals = async (options: RewardOptions, ...items: ReadonlyArray<Scored>): Promise<ReadonlyArray<number | null>> =>
  (await rewards(options, ...items)).map(({ total }) => total)

const refusal = async <A>(effect: TE.TaskEither<TrainError, A>): Promise<string> => {
  const result = await effect()
  if (E.isRight(result)) throw new Error('was accepted')
  return `${result.left._tag}: ${sentence(result.left)}`
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-reward-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A file of somebody's rewards; the path as reward_funcs names it. */
const file = async (name: string, source: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, source)
  return path
}
const only = (name: string, more: Partial<RewardOptions> = {}): RewardOptions => ({
  functions: [{ name, weight: 1 }],
  ...more,
})

describe('combineRewards', () => {
  const functions = [
    { name: 'accuracy_reward', weight: 0.9 },
    { name: 'boxed_format_reward', weight: 0.1 },
  ]

  it('is the weighted sum, with its parts (paper, eq. 22), in the order of the completions', async () => {
    const found = await rewards({ functions }, scored(good), scored('<think></think>\\boxed{5}'), scored('\\boxed{4}'))
    expect(found[0]).toEqual({ total: 1, parts: { accuracy_reward: 1, boxed_format_reward: 1 } })
    expect(found.map(({ total }) => total)).toEqual([1, 0.1, 0.9])
  })

  it('leaves a rollout out when a part that counts is unknown, and only then', async () => {
    expect(await rewards({ functions }, scored(good, ''))).toEqual([
      { total: null, parts: { accuracy_reward: null, boxed_format_reward: 1 } },
    ])
    const watched = [{ name: 'accuracy_reward', weight: 0 }, functions[1]!]
    expect(await totals({ functions: watched }, scored(good, ''))).toEqual([0.1])
  })

  it('adds the overlong punishment times its weight', async () => {
    const softOverlong = { maxCompletionLength: 20, softPunishCache: 4, weight: 0.5 }
    const found = await rewards({ functions, softOverlong }, scored(good, '4', 20), scored(good, '4', 16))
    expect(found[0]).toEqual({
      total: 0.5,
      parts: { accuracy_reward: 1, boxed_format_reward: 1, soft_overlong_punishment: -1 },
    })
    expect(found[1]!.total).toBe(1)
  })

  it('refuses a name that is no reward, an inherited one too', async () => {
    for (const name of ['accuracy', 'toString'])
      expect(await refusal(combineRewards(only(name)))).toBe(
        `BadInput: reward_funcs names "${name}", which is not a reward; choose from ` +
          'accuracy_reward, boxed_format_reward, think_format_reward, math, or name a file as ./my-reward.mjs.',
      )
  })

  it('property: built-in rewards are the same for any number of threads, over several tasks', async () => {
    const items = Array.from({ length: 150 }, (_, i) => scored(i % 3 === 0 ? good : `\\boxed{${i}}`, String(i % 7)))
    const alone = await rewards({ functions }, ...items)
    expect(new Set(alone.map(({ total }) => total)).size).toBe(4)
    for (const workers of [1, 3]) expect(await rewards({ functions, workers }, ...items)).toEqual(alone)
  })
})

describe('a reward from a file', () => {
  it('is given the whole row and the completion; may wait; may have no verdict', async () => {
    const path = await file(
      'mine.mjs',
      `export default async ({ row, completion, length }) => {
         await new Promise((done) => setTimeout(done, 5))
         if (completion === 'skip') return null
         return length + row.images[0].length + (row.extra.family === 'bars' ? 100 : 0) + Number(row.answer)
       }`,
    )
    const options = { functions: [...only(path).functions, { name: 'accuracy_reward', weight: 10 }] }
    expect(await rewards(options, scored('\\boxed{4}'), scored('skip'))).toEqual([
      { total: 10 + 3 + 100 + 4 + 10, parts: { mine: 117, accuracy_reward: 1 } },
      { total: null, parts: { mine: null, accuracy_reward: 0 } },
    ])
  })

  it('is chosen by #name, else the default, else the only one', async () => {
    const two = await file('two.mjs', 'export const one = () => 1\nexport const two = () => 2\nexport const n = 3\n')
    expect((await rewards(only(`${two}#two`), scored('')))[0]!.parts).toEqual({ two: 2 })
    expect(await refusal(combineRewards(only(two)))).toBe(
      `BadInput: Reward file ${two} exports one, two; export one as default, or name one with #name behind the file.`,
    )
    expect(await refusal(combineRewards(only(`${two}#n`)))).toBe(
      `BadInput: Reward file ${two} has no function "n": it exports one, two.`,
    )
    const single = await file('single.mjs', 'export const any = () => 7')
    expect(await totals(only(single), scored(''))).toEqual([7])
  })

  it('may take all completions of a step at once', async () => {
    const path = await file(
      'batch.mjs',
      `export const rank = (samples) => samples.map(({ length }) => samples.filter((other) => other.length < length).length)
       rank.batched = true`,
    )
    const items = Array.from({ length: 100 }, (_, i) => scored('', '4', (i * 37) % 100))
    expect(await totals(only(path), ...items)).toEqual(items.map(({ length }) => length))
    const short = await file('short.mjs', 'const f = () => [1]\nf.batched = true\nexport default f')
    const rewarder = await value(combineRewards(only(short)))
    expect(await refusal(rewarder([scored('', '4', 1, 'a'), scored('', '4', 1, 'b')]))).toBe(
      `RunFailed: Reward short of ${short} failed on a batch of rows a to b: returned no array of 2 verdicts, one a completion.`,
    )
  })

  it('names file, row and reason when it throws or returns no verdict', async () => {
    const path = await file('bad.mjs', 'export const f = ({ completion }) => { if (completion) throw new Error("no key.\\nmore"); return "x" }') // prettier-ignore
    const failing = async (response: string) =>
      refusal((await value(combineRewards(only(path))))([scored(response, '4', 1, 'row-7')]))
    expect(await failing('y')).toBe(`RunFailed: Reward bad of ${path} failed on row row-7: no key.`)
    expect(await failing('')).toBe(
      `RunFailed: Reward bad of ${path} failed on row row-7: returned "x"; return a finite number, or null for no verdict.`,
    )
  })

  it('is stopped when it hangs, computing or waiting: no verdict for that completion, the others keep theirs', async () => {
    const path = await file(
      'hang.mjs',
      `export default ({ completion, length }) => {
         if (completion === 'loop') for (;;);
         return completion === 'wait' ? new Promise(() => undefined) : length
       }`,
    )
    const items = Array.from({ length: 10 }, (_, i) => scored(i === 3 ? 'loop' : i === 6 ? 'wait' : '', '4', i))
    const options = only(path, { timeout: 0.3 })
    expect(await totals(options, ...items)).toEqual([0, 1, 2, null, 4, 5, null, 7, 8, 9])
  })

  it('says why a file cannot be used', async () => {
    const absent = join(folder, 'absent.mjs')
    expect(await refusal(combineRewards(only(absent)))).toMatch(
      /^BadInput: reward_funcs names .*absent\.mjs, which does not exist; paths are relative to /,
    )
    const broken = await file('broken.mjs', 'import "./nowhere.mjs"')
    expect(await refusal(combineRewards(only(broken)))).toMatch(
      /^BadInput: Reward file .*broken\.mjs cannot be loaded \(/,
    )
    const none = await file('none.mjs', 'export const x = 1')
    expect(await refusal(combineRewards(only(none)))).toMatch(/exports no function; export one as default/)
    const exits = await file('exits.mjs', 'export default () => process.exit(3)')
    const rewarder = await value(combineRewards(only(exits)))
    expect(await refusal(rewarder([scored('')]))).toBe(
      'RunFailed: A thread that computes rewards stopped (exit code 3); look for what in reward_funcs ends its process.',
    )
    const same = [{ name: none, weight: 1 }, { name: join(folder, 'sub', '..', 'none.mjs'), weight: 1 }] // prettier-ignore
    expect(await refusal(combineRewards({ functions: same }))).toMatch(/two rewards that the logs would call none/)
  })

  it('in TypeScript is loaded where Node can, and refused with the mend where it cannot', async () => {
    const path = await file('typed.ts', 'export default ({ length }: { length: number }): number => length')
    if ((process.features as { typescript?: unknown }).typescript) {
      expect(await totals(only(path), scored('', '4', 9))).toEqual([9])
    } else
      expect(await refusal(combineRewards(only(path)))).toBe(
        `BadInput: reward_funcs names ${path}, and Node ${process.versions.node} cannot load TypeScript; use Node 22.18 or newer, ` +
          `or compile it, e.g. npx esbuild ${path} --format=esm --outfile=typed.mjs.`,
      )
  })
})
