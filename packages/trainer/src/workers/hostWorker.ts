import { parentPort, workerData } from 'node:worker_threads'
import { either as E } from 'fp-ts'
import { sentence } from '../errors.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { doHostTask, type HostTask, largeBuffers } from './hostTasks.ts'
import type { HostWorkerConfig } from './hostWorkers.ts'

// One worker of `hostWorkers.ts`: chunks in, answers out, one after the other.
const config = workerData as HostWorkerConfig
const processor = await loadProcessor(config.model_name_or_path, config)()
if (E.isLeft(processor)) throw new Error(sentence(processor.left))
const tools = processor.right

let last: Promise<void> = Promise.resolve()
parentPort!.on('message', (task: HostTask) => {
  last = last.then(async () => {
    const answers = await doHostTask(tools, task)
    parentPort!.postMessage(answers, [...largeBuffers(answers)])
  })
})
