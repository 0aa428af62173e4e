import { readFile, writeFile } from 'node:fs/promises'
import { either as E, type taskEither as TE } from 'fp-ts'
import { stringify } from 'yaml'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { givenInArgument, givenInText, type Given } from './layers.ts'
import { resolveConfig } from './resolveConfig.ts'
import { TrainConfig } from './trainConfig.ts'

/** What a command line says about the configuration. */
export interface ConfigSource {
  /** YAML or JSON; left out = the command line says it all. */
  readonly file?: string | undefined
  /** `key=value` or `key.sub=value` arguments. */
  readonly overrides?: ReadonlyArray<string>
  /** Flags that every run has (`--seed 7`), by key; undefined = not given. */
  readonly flags?: Readonly<Record<string, string | number | boolean | undefined>>
}

/** Reads and resolves a configuration: defaults < preset < file < `key=value` arguments < flags. */
export const readConfig = ({
  file,
  overrides = [],
  flags = {},
}: ConfigSource): TE.TaskEither<TrainError, TrainConfig> =>
  attempt(async (take) => {
    const given: Array<Given> = []
    if (file !== undefined) given.push(...(await take(givenInText(await take(textOf(file)), file))))
    for (const argument of overrides) given.push(await take(givenInArgument(argument)))
    for (const [key, value] of Object.entries(flags)) {
      if (value === undefined) continue
      const one = await take(givenInArgument(`${key}=${value}`))
      given.push({ ...one, where: `--${key}` })
    }
    return take(resolveConfig(given))
  })

/** Reads a `config.yaml` that a run has written. */
export const readResolvedConfig = (file: string): TE.TaskEither<TrainError, TrainConfig> => readConfig({ file })

/** A resolved configuration as YAML that `readConfig` reads back to the same value. */
export const configText = (config: TrainConfig): string =>
  `# Resolved configuration of this run: durian train --config <this file> repeats it.\n${stringify(TrainConfig.encode(config))}`

/** Writes the resolved configuration as YAML. */
export const writeConfig =
  (file: string, config: TrainConfig): TE.TaskEither<TrainError, void> =>
  async () => {
    try {
      return E.right(await writeFile(file, configText(config)))
    } catch (thrown) {
      return E.left(runFailed(`${file} could not be written (${reason(thrown)}).`))
    }
  }

const textOf =
  (file: string): TE.TaskEither<TrainError, string> =>
  async () => {
    try {
      return E.right(await readFile(file, 'utf8'))
    } catch (thrown) {
      return E.left(
        badInput(`Config file ${file} could not be read (${reason(thrown)}); check the path after --config.`),
      )
    }
  }

const reason = (thrown: unknown): string => (thrown as { readonly code?: string }).code ?? String(thrown)
