import { type Backend, type BackendError, initAdamW } from '@durian/core'
import { openNodeBackend } from '@durian/backend-node'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { toDevice } from './hostTensors.ts'
import { prepare } from './prepare.ts'
import { smallConfig, smallData, value } from './testing.ts'
import { type StepContext, trainStep, type TrainState } from './trainStep.ts'

/** The same backend, whose n-th read (from 0) fails. */
const failingAt = <T>(
  backend: Backend<T>,
  n: number,
): { readonly backend: Backend<T>; readonly reads: () => number } => {
  let reads = 0
  const fault: BackendError = { _tag: 'DeviceFailed', backend: backend.name, reason: 'injected' }
  return {
    backend: {
      ...backend,
      transfer: { read: (x) => async () => (reads++ === n ? E.left(fault) : backend.transfer.read(x)()) },
    },
    reads: () => reads,
  }
}

describe('trainStep', () => {
  it.each([
    ['a penalty in the loss', []],
    ['one in the reward, and masks', ['kl.placement=reward', 'top_entropy_quantile=0.5', 'entropy_coef=0.1']],
  ])(
    'law: after an error at any await the live tensors are those from before, and the old state is whole (%s)',
    async (_, keys) => {
      const data = await smallData()
      const config = await smallConfig(data, 'memory', [
        'max_completion_length=4',
        'num_iterations=2',
        'beta=0.1',
        ...keys,
      ])
      const prepared = await value(prepare(config))
      const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
      const params = toDevice(backend)(prepared.weights)
      const reference = toDevice(backend)(prepared.weights)
      const optimizer = backend.memory.scope(() => initAdamW(backend.ops, params))
      const state: TrainState<(typeof params)[string]> = {
        step: 0,
        cursor: 0,
        tokens: 0,
        learner: { params, optimizer },
      }
      const contextOn = <T>(on: Backend<T>, frozen: StepContext<T>['reference']): StepContext<T> => ({
        ...prepared,
        backend: on,
        reference: frozen,
        learningRate: () => 1e-3,
        clock: () => 0,
      })
      const live = backend.memory.liveTensors()
      for (let n = 0; ; n++) {
        const { backend: failing, reads } = failingAt(backend, n)
        const result = await trainStep(contextOn(failing, reference))(state)()
        if (reads() <= n) {
          // No read was left to fail: the step succeeded, and its new state has replaced the old one tensor by tensor.
          expect(E.isRight(result)).toBe(true)
          expect(n).toBeGreaterThan(6)
          expect(backend.memory.liveTensors()).toBe(live)
          break
        }
        expect(E.isLeft(result) && result.left).toMatchObject({ _tag: 'DeviceFailed' })
        expect(backend.memory.liveTensors(), `after a failure at read ${n}`).toBe(live)
        await value(backend.transfer.read(Object.values(params)[0]!))
      }
    },
  )

  it.each([false, true])(
    'law: no step leaves a tensor or a byte behind (gradient_checkpointing: %s)',
    async (checkpointing) => {
      const data = await smallData()
      const config = await smallConfig(data, 'steps', [
        'max_completion_length=4',
        'gradient_accumulation_steps=2',
        'per_device_train_batch_size=8',
        `gradient_checkpointing=${checkpointing}`,
      ])
      const prepared = await value(prepare(config))
      const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
      const params = toDevice(backend)(prepared.weights)
      const optimizer = backend.memory.scope(() => initAdamW(backend.ops, params))
      let state: TrainState<(typeof params)[string]> = { step: 0, cursor: 0, tokens: 0, learner: { params, optimizer } }
      const context = { ...prepared, backend, reference: null, learningRate: () => 1e-3, clock: () => 0 }
      const alive = () => ({ tensors: backend.memory.liveTensors(), bytes: backend.memory.bytes() })
      const before = alive()
      for (let step = 0; step < 4; step++) {
        state = (await value(trainStep(context)(state))).state
        expect(alive(), `after step ${step + 1}`).toEqual(before)
      }
      backend.memory.free([state.learner.params, state.learner.optimizer.first, state.learner.optimizer.second])
    },
  )
})
