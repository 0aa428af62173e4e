import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type Opened, openNodeBackend } from '@durian/backend-node'
import { sentence } from '@durian/trainer'
import { either as E } from 'fp-ts'
import { environment } from '../environment.ts'
import { slug } from '../report.ts'
import { models } from '../suites/besideTorchModels.ts'
import { textSubject } from '../suites/textSubject.ts'
import { type ProfileOptions } from './options.ts'
import { type ProfiledWork, profileTable } from './table.ts'

/** Each piece of work twice to warm up, then once with every kernel timed. */
const profiled = async ({ backend, profile }: Opened, show: (work: ProfiledWork) => void) => {
  const kernels = profile()
  for (const model of models) {
    const subject = textSubject(backend, model)
    const pieces = [
      { work: `training step, ${model.sequences} x ${model.length} tokens`, steps: 1, run: () => subject.train() },
      ...[64, 256].map((sequences) => ({
        work: `sampling, ${sequences} x 64 tokens`,
        steps: 64,
        run: () => subject.sample(sequences, 64),
      })),
    ]
    for (const { work, steps, run } of pieces) {
      for (let i = 0; i < 2; i++) await run()
      kernels.start()
      const [wall, processor] = [performance.now(), process.cpuUsage()]
      await run()
      const wallMs = performance.now() - wall
      const { user, system } = process.cpuUsage(processor)
      show({ model: model.name, work, steps, wallMs, processorMs: (user + system) / 1000, ...kernels.stop() })
    }
    subject.close()
  }
}

/** `npm run bench -- profile`: prints where the time goes; `--save` keeps all of it. */
export const runProfile = async ({ backend, top, save }: ProfileOptions): Promise<number> => {
  const opened = await openNodeBackend({ prefer: backend, threads: 1 })()
  if (E.isLeft(opened)) {
    process.stderr.write(`${sentence(opened.left)}\n`)
    return 1
  }
  const works: ProfiledWork[] = []
  await profiled(opened.right, (work) => {
    works.push(work)
    process.stdout.write(`${profileTable(work, top)}\n\n`)
  })
  if (!save) return 0
  const report = {
    schema: 1,
    date: new Date().toISOString(),
    environment: environment(),
    backend: opened.right.backend.info.description,
    works,
  }
  const folder = join(import.meta.dirname, '..', '..', 'results')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${report.date.slice(0, 10)}-profile-${backend}-${slug(report.environment.cpu)}.json`)
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  process.stderr.write(`Saved ${relative(process.cwd(), file)}\n`)
  return 0
}
