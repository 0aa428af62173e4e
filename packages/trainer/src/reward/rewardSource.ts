import { existsSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { either as E } from 'fp-ts'
import { badInput, type TrainError } from '../errors.ts'
import { rewardFunctions } from './rewards.ts'

/** Where a reward of `reward_funcs` comes from. */
export type RewardSource =
  | { readonly kind: 'built-in'; readonly name: string }
  | { readonly kind: 'file'; readonly name: string; readonly path: string; readonly exported: string | null }

const builtIn = Object.keys(rewardFunctions())
const compiled = new Set(['.js', '.mjs', '.cjs'])
const typescript = new Set(['.ts', '.mts', '.cts'])

/** What Node says of itself: 'strip' or 'transform' where it loads TypeScript (from 22.18 on), else nothing. */
const loadsTypeScript = (): boolean =>
  Boolean((process.features as { readonly typescript?: string | false }).typescript ?? false)

/** `./file.mjs#name` is `name` in the logs, `./my-reward.mjs` is `my_reward`. */
const fileSource = (entry: string): E.Either<TrainError, RewardSource> => {
  const [file = '', exported = null] = entry.split(/#(?=[^#/\\]*$)/)
  const path = resolve(file)
  const ending = extname(file)
  if (!existsSync(path))
    return E.left(badInput(`reward_funcs names ${file}, which does not exist; paths are relative to ${process.cwd()}.`))
  if (typescript.has(ending) && !loadsTypeScript())
    return E.left(
      badInput(
        `reward_funcs names ${file}, and Node ${process.versions.node} cannot load TypeScript; use Node 22.18 or newer, or compile it, ` +
          `e.g. npx esbuild ${file} --format=esm --outfile=${basename(file, ending)}.mjs.`,
      ),
    )
  const name = exported ?? basename(file, ending).replace(/\W/g, '_')
  return E.right({ kind: 'file', name, path, exported })
}

/** A built-in reward by its name, or a file with a JavaScript or TypeScript ending. Left (BadInput): neither, or a file that cannot be loaded here. */
export const rewardSource = (entry: string): E.Either<TrainError, RewardSource> => {
  if (builtIn.includes(entry)) return E.right({ kind: 'built-in', name: entry })
  const ending = extname(entry.split('#')[0]!)
  if (compiled.has(ending) || typescript.has(ending)) return fileSource(entry)
  return E.left(
    badInput(
      `reward_funcs names "${entry}", which is not a reward; choose from ${builtIn.join(', ')}, or name a file as ./my-reward.mjs.`,
    ),
  )
}
