import type { Backend, HostTensor, Params } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'

/** Device tensors to the host, by name. */
export const toHost =
  <T>({ ops, transfer }: Backend<T>) =>
  (params: Params<T>): TE.TaskEither<TrainError, Readonly<Record<string, HostTensor>>> =>
    attempt(async (take) => {
      const host: Record<string, HostTensor> = {}
      for (const [name, tensor] of Object.entries(params))
        host[name] = { shape: ops.shape(tensor), data: await take(transfer.read(tensor)) }
      return host
    })

/** Host tensors to the device, by name. */
export const toDevice =
  <T>({ ops }: Backend<T>) =>
  (tensors: Readonly<Record<string, HostTensor>>): Params<T> =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, ops.fromHost(tensor)]))
