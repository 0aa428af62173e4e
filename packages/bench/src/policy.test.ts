import { openNodeBackend } from '@durian/backend-node'
import { either as E } from 'fp-ts'
import { expect, it } from 'vitest'
import { grpoStep } from './suites/grpoStep.ts'
import { policyCases } from './suites/policy.ts'

it('the policy suite samples and updates the demo policy, and leaves nothing on the device from run to run', async () => {
  const opened = await openNodeBackend({ prefer: 'wasm' })()
  if (E.isLeft(opened)) throw new Error(opened.left.reason)
  const { backend } = opened.right
  const cases = await policyCases(backend)()
  if (E.isLeft(cases)) throw new Error(JSON.stringify(cases.left))
  expect(cases.right.map(({ name }) => name)).toEqual(['sampling', 'update (gradient, AdamW)'])
  for (const { subjects, work } of cases.right) {
    expect(work!.count()).toBeGreaterThan(32 * 8)
    const before = backend.memory.liveTensors()
    await subjects[0].once()
    expect(backend.memory.liveTensors()).toBe(before)
  }
})

it('the GRPO step draws as many tokens as asked, trains, and leaves nothing on the device from step to step', async () => {
  const opened = await openNodeBackend({ prefer: 'wasm' })()
  if (E.isLeft(opened)) throw new Error(opened.left.reason)
  const { backend } = opened.right
  const step = await grpoStep(backend, { prompts: 2, rollouts: 2, length: 5, pixels: 112 })()
  if (E.isLeft(step)) throw new Error(JSON.stringify(step.left))
  expect(await step.right()).toMatchObject({ tokens: 2 * 2 * 5 })
  const before = backend.memory.liveTensors()
  // 64 merged tokens of a picture of 16 x 16 patches, and words
  expect((await step.right()).prompt).toBeGreaterThan(2 * 64)
  expect(backend.memory.liveTensors()).toBe(before)
})
