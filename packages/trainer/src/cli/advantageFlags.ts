import { durianDefaults, estimatorNames, rewardEstimatorNames } from '@durian/core'
import type { Command } from 'commander'
import { either as E } from 'fp-ts'
import { didYouMean } from '../config/didYouMean.ts'
import { badInput, type TrainError } from '../errors.ts'
import type { AdvantagesOptions } from './advantages.ts'
import { onErrorChoices } from './jsonRows.ts'

/** The flags as commander hands them over. */
export interface AdvantageFlags {
  readonly estimator?: string
  readonly weights?: string
  readonly perceptual_quantiles?: string
  readonly reasoning_groups?: string
  readonly confidence?: string
  readonly epsilon?: string
  readonly std_epsilon?: string
  readonly ddof?: string
  readonly base?: string
  readonly reward_weights?: string
  readonly on_error?: string
}

const { weights, perceptualQuantiles, reasoningGroups, epsilon, ddof } = durianDefaults
const confidenceKinds = ['sequence-sum', 'token-mean'] as const

/** Adds the flags of `durian advantages`; the defaults are the paper's. */
export const addAdvantageFlags = (command: Command): Command =>
  command
    .option('--estimator <name>', `${estimatorNames.join(', ')} (default: durian)`)
    .option(
      '--weights <a,b,c>',
      `weights of the grpo, perceptual and reasoning components (default: ${weights.join(',')})`,
    )
    .option(
      '--perceptual_quantiles <low,high>',
      `fractions between easy, middle and hard pictures (default: ${perceptualQuantiles.join(',')})`,
    )
    .option('--reasoning_groups <b>', `number of confidence groups (default: ${reasoningGroups})`)
    .option('--confidence <kind>', `${confidenceKinds.join(' or ')} of the token log-probs (default: sequence-sum)`)
    .option('--std_epsilon <number>', `added to every std (default: ${epsilon})`)
    .option('--epsilon <number>', 'the same as --std_epsilon')
    .option('--ddof <0|1>', `every std divides by n - ddof (default: ${ddof})`)
    .option('--base <name>', 'durian over the numerators of another estimator (default: grpo, the paper)')
    .option('--reward_weights <w,…>', "weights of the 'parts' of gdpo (default: 1 each)")
    .option('--on_error <fail|skip>', 'at a bad row: stop, or leave it out and count it on stderr (default: fail)')

/** What is wrong with a flag, as an exception inside `advantagesOptionsOf`: a dozen checks read better without a dozen binds. */
class BadFlag extends Error {}

const refuse = (flag: string, wanted: string, given: string): never => {
  throw new BadFlag(`--${flag} takes ${wanted}, not "${given}".`)
}

interface NumberRule {
  readonly wanted: string
  readonly holds: (value: number) => boolean
}

const numbers = (flag: string, text: string, count: number, { wanted, holds }: NumberRule): ReadonlyArray<number> => {
  const parts = text.split(',').map((part) => part.trim())
  const values = parts.map(Number)
  const right = parts.every((part) => part !== '') && values.every((value) => Number.isFinite(value) && holds(value))
  return right && values.length === count ? values : refuse(flag, wanted, text)
}

const oneOf = <const A extends string>(flag: string, text: string, names: ReadonlyArray<A>): A => {
  const found = names.find((name) => name === text)
  if (found !== undefined) return found
  return refuse(flag, `one of ${names.join(', ')}${didYouMean(text, names)}`, text)
}

const notNegative: NumberRule = { wanted: 'a number of at least 0', holds: (value) => value >= 0 }

const stdEpsilon = ({ epsilon: short, std_epsilon: long }: AdvantageFlags): number => {
  const values = [...(short === undefined ? [] : numbers('epsilon', short, 1, notNegative))]
  if (long !== undefined) values.push(...numbers('std_epsilon', long, 1, notNegative))
  if (values.length === 2 && values[0] !== values[1])
    throw new BadFlag(`--epsilon ${short} and --std_epsilon ${long} are two names of one number: give one.`)
  return values[0] ?? epsilon
}

const pair = (flags: AdvantageFlags): readonly [number, number] => {
  const text = flags.perceptual_quantiles
  if (text === undefined) return perceptualQuantiles
  const wanted = 'two fractions from 0 to 1 in order, such as 0.25,0.75'
  const [low, high] = numbers('perceptual_quantiles', text, 2, { wanted, holds: (value) => value >= 0 && value <= 1 })
  return low! <= high! ? [low!, high!] : refuse('perceptual_quantiles', wanted, text)
}

const triple = (flags: AdvantageFlags): readonly [number, number, number] => {
  if (flags.weights === undefined) return weights
  const rule = { ...notNegative, wanted: 'three numbers of at least 0, such as 0.1,0.2,0.7' }
  const [a, b, c] = numbers('weights', flags.weights, 3, rule)
  return [a!, b!, c!]
}

const groups = (flags: AdvantageFlags): number => {
  if (flags.reasoning_groups === undefined) return reasoningGroups
  const rule = {
    wanted: 'a whole number of at least 1',
    holds: (value: number) => Number.isInteger(value) && value >= 1,
  }
  return numbers('reasoning_groups', flags.reasoning_groups, 1, rule)[0]!
}

const freedom = (flags: AdvantageFlags): 0 | 1 => {
  if (flags.ddof === undefined) return ddof
  return oneOf('ddof', flags.ddof, ['0', '1']) === '1' ? 1 : 0
}

const partWeights = ({ reward_weights: text }: AdvantageFlags): Pick<AdvantagesOptions, 'rewardWeights'> => {
  if (text === undefined) return {}
  const rule = { wanted: 'finite numbers, such as 0.9,0.1', holds: () => true }
  return { rewardWeights: numbers('reward_weights', text, text.split(',').length, rule) }
}

const base = ({ base: text, estimator = 'durian' }: AdvantageFlags): Pick<AdvantagesOptions, 'base'> => {
  if (text === undefined) return {}
  if (estimator !== 'durian')
    throw new BadFlag(`--base belongs to --estimator durian, not to ${estimator}: leave it out.`)
  return { base: oneOf('base', text, rewardEstimatorNames) }
}

/** The flags as options. Left: the flag and what it takes. */
export const advantagesOptionsOf = (flags: AdvantageFlags): E.Either<TrainError, AdvantagesOptions> => {
  try {
    return E.right({
      estimator: oneOf('estimator', flags.estimator ?? 'durian', estimatorNames),
      confidence: oneOf('confidence', flags.confidence ?? 'sequence-sum', confidenceKinds),
      weights: triple(flags),
      perceptualQuantiles: pair(flags),
      reasoningGroups: groups(flags),
      epsilon: stdEpsilon(flags),
      ddof: freedom(flags),
      ...base(flags),
      ...partWeights(flags),
      onError: oneOf('on_error', flags.on_error ?? 'fail', onErrorChoices),
    })
  } catch (thrown) {
    if (thrown instanceof BadFlag) return E.left(badInput(thrown.message))
    throw thrown
  }
}
