import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type LineProcess, openLineProcess } from './peers/lineProcess.ts'
import { models, textWeights, tokensOf, writeModel } from './suites/besideTorchModels.ts'

const node = (program: string) => openLineProcess(process.execPath, ['-e', program])

describe('a peer in a process of its own', () => {
  it('is left out with a reason where it does not start, or says that it cannot', async () => {
    expect(await openLineProcess('/no/such/python', [])).toMatchObject({ reason: expect.stringContaining('ENOENT') })
    const broken = await node('console.error("No module named torch"); process.exit(1)')
    expect(broken).toMatchObject({ reason: expect.stringContaining('No module named torch') })
    expect(await node('console.log(JSON.stringify({ reason: "no SIMD" }))')).toEqual({ reason: 'no SIMD' })
  })

  it('answers questions, whatever its libraries print between, and an early end is an error', async () => {
    const peer = await node(`
      console.log('a banner'); console.log(JSON.stringify({ description: 'one' }))
      process.stdin.once('data', (line) => { console.log('noise'); console.log(String(line)); process.stdin.destroy() })`)
    expect(peer).toMatchObject({ description: 'one' })
    const { ask, close } = peer as LineProcess
    expect(await ask({ do: 'train' })).toEqual({ do: 'train' })
    await expect(ask({ do: 'train' })).rejects.toThrow('ended in the middle of a benchmark')
    close()
  })
})

describe('the model that both sides train', () => {
  it.each(models.map((model) => [model.name, model] as const))(
    '%s: the folder holds our weights and tokens',
    (_, model) => {
      const folder = writeModel(model)
      const spec = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as {
        readonly weights: ReadonlyArray<readonly [string, ReadonlyArray<number>]>
      }
      const bytes = readFileSync(join(folder, 'weights.f32'))
      const tokens = readFileSync(join(folder, 'tokens.i32'))
      rmSync(folder, { recursive: true })
      const ours = textWeights(model)
      expect(spec.weights.map(([name]) => name)).toEqual(Object.keys(ours))
      const last = Object.values(ours).at(-1)!.data
      expect(bytes.readFloatLE(bytes.length - 4)).toBe(last[last.length - 1])
      expect(bytes.length).toBe(4 * Object.values(ours).reduce((sum, { data }) => sum + data.length, 0))
      expect(tokens.readInt32LE(4)).toBe(tokensOf(model)[1])
      expect(Math.max(...tokensOf(model))).toBe(model.text.vocabSize - 1)
    },
  )
})
