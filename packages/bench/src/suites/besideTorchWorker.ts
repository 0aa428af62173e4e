import { createInterface } from 'node:readline'
import { openNodeBackend } from '@durian/backend-node'
import type { Backend } from '@durian/core'
import { sentence } from '@durian/trainer'
import { either as E } from 'fp-ts'
import type { BackendName } from '../options.ts'
import { models } from './besideTorchModels.ts'
import { textSubject } from './textSubject.ts'

/** `node besideTorchWorker.js BACKEND [WASM_THREADS]`: the messages of `peers/torch_model.py`, answered by Durian on one backend. */
const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`)

const timed = async (work: () => Promise<number>): Promise<object> => {
  const [wall, cpu] = [performance.now(), process.cpuUsage()]
  const result = await work()
  const used = process.cpuUsage(cpu)
  return { ms: performance.now() - wall, cpu: (used.user + used.system) / 1000, value: result }
}

const serve = async <T>(backend: Backend<T>): Promise<void> => {
  say({ description: backend.info.description })
  let loaded: ReturnType<typeof textSubject<T>> | undefined
  for await (const line of createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line) as {
      readonly do: 'load' | 'train' | 'sample'
      readonly model: number
      readonly sequences: number
      readonly tokens: number
    }
    if (ask.do === 'load') {
      loaded?.close()
      loaded = textSubject(backend, models[ask.model]!)
      say({})
    } else if (ask.do === 'train') say(await timed(() => loaded!.train()))
    else say(await timed(() => loaded!.sample(ask.sequences, ask.tokens)))
  }
}

const [, , backend, wasmThreads = '1'] = process.argv
const opened = await openNodeBackend({
  prefer: backend as BackendName,
  threads: 1,
  wasmThreads: Number(wasmThreads),
})()
if (E.isLeft(opened)) say({ reason: sentence(opened.left) })
else await serve(opened.right.backend)
