import type { HostTensor } from '@durian/core'
import { adapterNames } from '../policy/linear.ts'
import type { AdapterTensors } from '../policy/lora.ts'

/** W + s B A in float64, rounded once to float32: [out, in], B [out, r], A [r, in] (PEFT's `merge_and_unload`). */
export const mergedWeight = (
  weight: Float32Array,
  { a, b, scaling }: { readonly a: HostTensor; readonly b: HostTensor; readonly scaling: number },
): Float32Array => {
  const [out = 0, rank = 0] = b.shape
  const width = a.shape[1]!
  const merged = new Float32Array(weight.length)
  const row = new Float64Array(width)
  for (let o = 0; o < out; o++) {
    const start = o * width
    for (let i = 0; i < width; i++) row[i] = weight[start + i]!
    for (let k = 0; k < rank; k++) {
      const factor = scaling * b.data[o * rank + k]!
      if (factor !== 0) for (let i = 0; i < width; i++) row[i] = row[i]! + factor * a.data[k * width + i]!
    }
    merged.set(row, start)
  }
  return merged
}

/** A weight with its linear's adapter put in, where it has one. */
export const withAdapter = (name: string, weight: Float32Array, adapter: AdapterTensors): Float32Array => {
  const { a, b, scaling } = adapterNames(name.replace(/\.weight$/, ''))
  const [down, up, s] = [adapter[a], adapter[b], adapter[scaling]]
  return !name.endsWith('.weight') || down === undefined || up === undefined || s === undefined
    ? weight
    : mergedWeight(weight, { a: down, b: up, scaling: s.data[0]! })
}
