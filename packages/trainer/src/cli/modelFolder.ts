import { homedir } from 'node:os'
import type { taskEither as TE } from 'fp-ts'
import type { TrainError } from '../errors.ts'
import { attempt } from '../effect.ts'
import { hubSettings, modelDirectory } from '../hub/index.ts'
import { warn } from './lines.ts'
import { type Progress, startProgress } from './progress.ts'

/** What every `--model` takes. */
export const modelHelp =
  'folder in the Hub’s layout, or org/name[@revision] of the Hub (HF_HOME, HF_HUB_OFFLINE, HF_TOKEN, HF_ENDPOINT)'

const MEGABYTE = 1e6

/** The folder of `--model`, downloaded if need be, with progress on stderr. `name` is the flag or key, as an error begins. */
export const modelFolder = (
  spec: string,
  { name }: { readonly name?: string } = {},
): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    let progress: Progress | undefined
    try {
      return await take(
        modelDirectory(spec, hubSettings(process.env, homedir()), {
          ...(name === undefined ? {} : { name }),
          onNote: warn,
          onProgress: ({ file, done, total }) => {
            progress ??= startProgress({ label: `MB of ${spec}`, total: Math.ceil(total / MEGABYTE) })
            progress.update(Math.floor(done / MEGABYTE), file)
          },
        }),
      )
    } finally {
      progress?.stop()
    }
  })
