import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { tfjsBackend, type Tf } from '@durian/backend-tfjs'
import { allLaws } from '@durian/core/laws'
import { describe, expect, it } from 'vitest'
import { tolerances } from './tolerances.ts'

// tfjs's wasm backend as it comes, in a process of its own: what `wasm/kernels.ts` replaces must be what breaks the laws
const tf = (await import('@tensorflow/tfjs')) as Tf
const wasm = await import('@tensorflow/tfjs-backend-wasm')
const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json')
wasm.setWasmPaths(join(dirname(manifest), 'wasm-out') + '/')
await tf.setBackend('wasm')
const { values, gradients } = tolerances.wasm
const laws = allLaws({
  backend: tfjsBackend(tf, { name: 'wasm', description: 'stock' }),
  tolerance: values,
  gradientTolerance: gradients,
  seed: 7,
  runs: 10,
})
const holds = async (name: string): Promise<boolean> => {
  const law = laws.find((candidate) => candidate.name === name)
  if (law === undefined) throw new Error(`no law is called '${name}'`)
  return law.check().then(
    () => true,
    () => false,
  )
}

describe('stock wasm', () => {
  it('law: keeps what we leave to it', async () => {
    expect(await holds('gradient: sigmoid')).toBe(true)
  })

  it.each(['silent fault: matmul with a weight and then with a reshaped alias of it', 'gradient: embedding'])(
    'law: breaks "%s", so its replacement is needed',
    async (name) => {
      expect(await holds(name)).toBe(false)
    },
  )
})
