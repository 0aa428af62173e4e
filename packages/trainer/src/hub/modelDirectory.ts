import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { cachedCommit, snapshotFolder } from './cache.ts'
import { currentCommit, type DownloadHooks, downloadModel } from './download.ts'
import { missingFileIn } from '../policy/folderFiles.ts'
import { isCommit, type ModelId, modelIdOf } from './modelId.ts'
import type { HubSettings } from './settings.ts'

export interface ModelDirectoryHooks extends DownloadHooks {
  /** Flag or key that holds the model, as an error begins; default `Model`. */
  readonly name?: string
  /** Hears what a user may want to know: the cache was used because the Hub did not answer. */
  readonly onNote?: (sentence: string) => void
}

/**
 * The folder of a model: a path, or `org/name[@revision]` of the Hub. A path that exists is never looked up. A model of the Hub comes from the
 * cache when offline, when it is asked for by commit and there, or when the Hub does not answer; else its current commit is downloaded.
 */
export const modelDirectory = (
  spec: string,
  settings: HubSettings,
  hooks: ModelDirectoryHooks = {},
): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const model = `${hooks.name ?? 'Model'} ${spec}`
    const fail = (message: string) => take<never>(E.left(badInput(message)))
    if (existsSync(spec)) {
      if ((await stat(spec)).isDirectory()) return spec
      return fail(`${model} is a file; name the folder it lies in.`)
    }
    const id = modelIdOf(spec)
    if (id === undefined)
      return fail(
        `${model} does not exist; name a folder in the Hub's layout (config.json, tokenizer.json, safetensors), or org/name[@revision] of the Hub.`,
      )
    const cached = await inCache(settings, id)
    const whole = cached?.missing === undefined ? cached?.folder : undefined
    if (whole !== undefined && (settings.offline || isCommit(id.revision))) return whole
    if (settings.offline)
      return fail(
        cached === undefined
          ? `${model} is no folder, the cache ${settings.cache} has no such model, and HF_HUB_OFFLINE forbids a download; mend the name or go online.`
          : `${model}: its folder ${cached.folder} has no ${cached.missing}, and HF_HUB_OFFLINE forbids a download; go online once.`,
      )
    if (settings.token !== undefined && !settings.token.startsWith('hf_'))
      return fail(
        'The token for the Hub (HF_TOKEN, or the file a login left) must start with hf_; mend it or unset it.',
      )
    const commit = await currentCommit(settings, id)()
    if (E.isRight(commit)) return take(downloadModel(settings, id, commit.right, hooks))
    const { _tag, reason } = commit.left
    if (_tag === 'Refused') return fail(`${model} is no folder, and ${reason}.`)
    if (whole === undefined)
      return fail(
        `${model} is no folder, and ${settings.endpoint} could not be asked for it (${reason}); mend the path or the connection.`,
      )
    hooks.onNote?.(`${settings.endpoint} does not answer (${reason}); ${spec} comes from the cache.`)
    return whole
  })

const inCache = async (
  { cache }: HubSettings,
  id: ModelId,
): Promise<{ readonly folder: string; readonly missing: string | undefined } | undefined> => {
  const commit = await cachedCommit(cache, id)
  if (commit === undefined) return undefined
  const folder = snapshotFolder(cache, id, commit)
  return existsSync(folder) ? { folder, missing: await missingFileIn(folder) } : undefined
}
