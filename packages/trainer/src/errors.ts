import type { BackendError } from '@durian/core'

/** What can go wrong outside the program. `message` is one sentence that names the file, row, key or flag and the mend. */
export type TrainError =
  | { readonly _tag: 'BadInput'; readonly message: string }
  | { readonly _tag: 'RunFailed'; readonly message: string }
  | { readonly _tag: 'Interrupted'; readonly message: string }
  | BackendError

export const badInput = (message: string): TrainError => ({ _tag: 'BadInput', message })
export const runFailed = (message: string): TrainError => ({ _tag: 'RunFailed', message })

/** One sentence for people. */
export const sentence = (error: TrainError): string =>
  'message' in error ? error.message : `Backend ${error.backend}: ${error.reason}`
