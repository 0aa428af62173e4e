import type { Params, WeightSource } from './backend.ts'

/** Weights that stay on the device: `under` only picks names, so nothing is copied and nothing needs freeing. */
export const residentWeights = <T>(params: Params<T>): WeightSource<T> => ({
  under: (prefix) =>
    Object.fromEntries(
      Object.entries(params)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, x]) => [name.slice(prefix.length), x]),
    ),
})
