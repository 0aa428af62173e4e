import { readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import type * as t from 'io-ts'
import { readResolvedConfig } from '../config/readConfig.ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { readJsonl } from '../run/jsonl.ts'
import type { CompletionRecord, Evaluation } from '../run/records.ts'
import {
  ColdStartFacts,
  ColdStartMetrics,
  CompletionLine,
  EnvironmentFile,
  EvaluationLine,
  MetricsLine,
} from './recordCodecs.ts'

/** A run folder, read. */
export interface Run {
  /** The folder as given. */
  readonly path: string
  /** Its last part, for captions. */
  readonly name: string
  readonly config: TrainConfig
  readonly environment: Readonly<Record<string, unknown>>
  readonly metrics: ReadonlyArray<MetricsLine>
  readonly completions: ReadonlyArray<CompletionRecord>
  readonly evaluations: ReadonlyArray<Evaluation>
  readonly coldStart: ReadonlyArray<ColdStartMetrics>
  /** Greedy accuracy of the cold start on the test rows before it was taught short answers; null when it is not known. */
  readonly thinkingOnly: Evaluation | null
}

/** Decodes every line; Left names file and line of the first that does not fit. */
export const decodeLines = <A>(
  codec: t.Decoder<unknown, A>,
  lines: ReadonlyArray<unknown>,
  file: string,
): E.Either<TrainError, ReadonlyArray<A>> => {
  const out: Array<A> = []
  for (const [i, line] of lines.entries()) {
    const decoded = codec.decode(line)
    if (E.isLeft(decoded)) {
      const error = decoded.left[0]!
      const keys = error.context.map(({ key }) => key).filter((key) => key !== '')
      const where = keys.length === 0 ? 'the line' : keys.join('.')
      return E.left(
        badInput(
          `${file} line ${i + 1}: ${where} is ${JSON.stringify(error.value) ?? 'missing'}, which no run writes there.`,
        ),
      )
    }
    out.push(decoded.right)
  }
  return E.right(out)
}

/** Reads a run folder. Logs that do not exist yet are empty; a folder without a config.yaml is no run. */
export const readRun = (path: string): TE.TaskEither<TrainError, Run> =>
  attempt(async (take) => {
    const configFile = join(path, 'config.yaml')
    if ((await stat(configFile).catch(() => null)) === null) {
      await take(
        E.left(badInput(`${path} is not a run folder: it has no config.yaml; give the output_dir of a training run.`)),
      )
    }
    const log = async <A>(name: string, codec: t.Decoder<unknown, A>): Promise<ReadonlyArray<A>> => {
      const file = join(path, name)
      return take(decodeLines(codec, await take(readJsonl(file)), file))
    }
    return {
      path,
      name: basename(resolve(path)),
      config: await take(readResolvedConfig(configFile)),
      environment: await readEnvironment(join(path, 'environment.json')),
      metrics: await log('metrics.jsonl', MetricsLine),
      completions: await log('completions.jsonl', CompletionLine),
      evaluations: await log('evaluation.jsonl', EvaluationLine),
      coldStart: await log(join('cold-start', 'metrics.jsonl'), ColdStartMetrics),
      thinkingOnly: await readThinkingOnly(join(path, 'cold_start.json')),
    }
  })

/** Only shown, never computed with: a missing or damaged file leaves its part of the page out. */
const readShown = async <A>(file: string, codec: t.Decoder<unknown, A>): Promise<A | null> => {
  try {
    const decoded = codec.decode(JSON.parse(await readFile(file, 'utf8')))
    return E.isRight(decoded) ? decoded.right : null
  } catch {
    return null
  }
}

const readEnvironment = async (file: string): Promise<Readonly<Record<string, unknown>>> =>
  (await readShown(file, EnvironmentFile)) ?? {}

const readThinkingOnly = async (file: string): Promise<Evaluation | null> =>
  (await readShown(file, ColdStartFacts))?.thinkingOnly ?? null
