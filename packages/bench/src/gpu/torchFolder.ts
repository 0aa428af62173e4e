import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Shape } from '@durian/core'
import { type EncodedPrompt, weightShapes } from '@durian/trainer'
import { advantages, groups } from './batch.ts'
import type { GpuModel } from './models.ts'
import { learningRate, type WeightOf } from './subject.ts'

type Kind = 'i32' | 'f32'
interface Named {
  readonly name: string
  readonly kind: Kind
  readonly shape: Shape
  readonly data: ArrayLike<number>
}

/** [3, rows, tokens]: positions of each row on the three axes. */
const positions = (name: string, rows: ReadonlyArray<readonly [Int32Array, Int32Array, Int32Array]>): Named => ({
  name,
  kind: 'i32',
  shape: [3, rows.length, rows[0]![0].length],
  data: [0, 1, 2].flatMap((axis) => rows.flatMap((row) => [...row[axis]!])),
})

/** Where the tokens stand that are read while a completion is drawn: the prompt's last, then the drawn ones but for the last. */
const behind = ({ ids, positions, nextPosition }: EncodedPrompt, length: number) => {
  const axis = (of: Int32Array): Int32Array =>
    Int32Array.from({ length }, (_, i) => (i === 0 ? of[ids.length - 1]! : nextPosition + i - 1))
  const [time, height, width] = positions
  return [axis(time), axis(height), axis(width)] as const
}

/** The batch of a model as arrays. */
export const batchArrays = (model: GpuModel, length = model.plan.length): ReadonlyArray<Named> => {
  const batch = groups(model)
  const rows = batch.flatMap(({ completions }) => completions)
  const pixels = batch.map(({ prompt }) => prompt.images[0]!.pixels)
  const patches = (model.plan.side / model.policy.vision.patchSize) ** 2
  const ints = (name: string, lines: ReadonlyArray<Int32Array>): Named => ({
    name,
    kind: 'i32',
    shape: [lines.length, lines[0]!.length],
    data: lines.flatMap((line) => [...line]),
  })
  return [
    ints(
      'prompts',
      batch.map(({ prompt }) => prompt.ids),
    ),
    ints(
      'completions',
      rows.map(({ ids }) => ids),
    ),
    positions(
      'promptPositions',
      batch.map(({ prompt: { positions } }) => {
        const [time, height, width] = positions
        return [time.slice(0, -1), height.slice(0, -1), width.slice(0, -1)] as const
      }),
    ),
    positions(
      'completionPositions',
      batch.flatMap(({ prompt, completions }) => completions.map(() => behind(prompt, model.plan.length))),
    ),
    positions(
      'samplePositions',
      batch.map(({ prompt }) => behind(prompt, length)),
    ),
    {
      name: 'pixels',
      kind: 'f32',
      shape: [pixels.length, patches, pixels[0]!.length / patches],
      data: pixels.flatMap((line) => [...line]),
    },
    { name: 'advantages', kind: 'f32', shape: [rows.length], data: advantages(model).flat() },
  ]
}

/** Weights and batch of a model in a folder, for a peer in another language; the weights one after another, since together they may be gigabytes. */
export const writeTorchFolder = (
  model: GpuModel,
  { weight, training }: { readonly weight: WeightOf; readonly training: boolean },
): { readonly folder: string; readonly remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), 'durian-gpu-'))
  const weights = Object.entries(weightShapes(model.policy))
  const file = openSync(join(folder, 'weights.f32'), 'w')
  try {
    for (const [name] of weights) {
      const { buffer, byteOffset, byteLength } = weight(name)
      // one call writes two gigabytes at most, and may write less
      for (let at = 0; at < byteLength;)
        at += writeSync(file, new Uint8Array(buffer, byteOffset + at, Math.min(2 ** 28, byteLength - at)))
    }
  } finally {
    closeSync(file)
  }
  const arrays = batchArrays(model)
  for (const kind of ['i32', 'f32'] as const) {
    const values = arrays.filter((one) => one.kind === kind).flatMap(({ data }) => Array.from(data))
    const typed = kind === 'i32' ? Int32Array.from(values) : Float32Array.from(values)
    writeFileSync(join(folder, `batch.${kind}`), new Uint8Array(typed.buffer))
  }
  const { text, vision } = model.policy
  writeFileSync(
    join(folder, 'model.json'),
    JSON.stringify({
      layers: text.layers,
      heads: text.heads,
      kvHeads: text.kvHeads,
      headDim: text.headDim,
      theta: text.ropeTheta,
      section: text.mropeSection,
      tied: text.tied,
      vision,
      rollouts: model.plan.rollouts,
      training,
      learningRate,
      weights,
      arrays: Object.fromEntries(
        (['i32', 'f32'] as const).map((kind) => [
          kind,
          arrays.filter((one) => one.kind === kind).map(({ name, shape }) => [name, shape]),
        ]),
      ),
    }),
  )
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
