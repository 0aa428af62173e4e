import { execFile } from 'node:child_process'
import { availableParallelism, cpus, freemem, platform, release, totalmem, arch } from 'node:os'
import { promisify } from 'node:util'
import { engineNames, mendOf, probeEngine, type EngineStatus } from '@durian/backend-node'
import { probeWebGpu, type WebGpuFacts, type WebGpuStatus } from '@durian/backend-webgpu'
import type { Command } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { runFailed, type TrainError } from '../errors.ts'
import { wasmThreadsOf } from './chosenBackend.ts'
import { runCommand } from './runCommand.ts'
import { textTable } from './textTable.ts'

/** One line of `durian doctor`. */
export interface Finding {
  readonly name: string
  /** ok; missing: an optional part that is not there; broken: nothing runs without it. */
  readonly state: 'ok' | 'missing' | 'broken'
  readonly detail: string
  /** The command that mends it. */
  readonly mend?: string
  /** An engine that computes: its versions, device, threads, memory and how long its start with the self-test took. */
  readonly engine?: {
    readonly selfTest: 'passed'
    readonly facts: NonNullable<EngineStatus['facts']> | WebGpuFacts
    readonly startMs: number
  }
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`

/** Oldest Node that the packages support. */
const NODE = { major: 20, minor: 11 } as const

export const nodeFinding = (version: string): Finding => {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const fine = major > NODE.major || (major === NODE.major && minor >= NODE.minor)
  return fine
    ? { name: 'node', state: 'ok', detail: version }
    : {
        name: 'node',
        state: 'broken',
        detail: `${version} is older than ${NODE.major}.${NODE.minor}`,
        mend: 'install Node 20.11 or newer from https://nodejs.org',
      }
}

const machineFindings = (): ReadonlyArray<Finding> => [
  { name: 'system', state: 'ok', detail: `${platform()} ${release()} ${arch()}` },
  { name: 'cpu', state: 'ok', detail: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} threads` },
  { name: 'memory', state: 'ok', detail: `${gib(freemem())} free of ${gib(totalmem())}` },
]

/** NVIDIA's GPUs as its own tool lists them; none without the tool. */
const gpus = async (): Promise<ReadonlyArray<string>> => {
  try {
    const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader']
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000 })
    return stdout.trim().split('\n').filter(Boolean)
  } catch {
    return []
  }
}

const gpuFindings = (found: ReadonlyArray<string>): ReadonlyArray<Finding> =>
  found.map((line, i) => {
    const [name, memory, driver] = line.split(',').map((part) => part.trim())
    return { name: `gpu ${i}`, state: 'ok', detail: `${name}, ${memory}, driver ${driver}` }
  })

const factsOf = ({ facts, startMs }: EngineStatus): string =>
  facts === undefined
    ? ''
    : `; self-test passed, start ${startMs} ms, ${facts.threads} thread${facts.threads === 1 ? '' : 's'}` +
      (facts.memoryLimit === null ? '' : `, at most ${gib(facts.memoryLimit)}`)

/**
 * Every engine as a line, best first. None working is a fault; one that is missing beside one that works is not. Without a GPU nobody is
 * sent to install the engine for one.
 */
export const engineFindings = (
  statuses: ReadonlyArray<EngineStatus>,
  machine: { readonly hasGpu: boolean },
): ReadonlyArray<Finding> => {
  const best = statuses.find(({ available }) => available)
  return statuses.map((status) => {
    const { name, available, reason, facts, startMs } = status
    const taken = name === best?.name ? ' (what --backend auto takes here)' : ''
    if (available)
      return {
        name,
        state: 'ok',
        detail: `${reason}${taken}${factsOf(status)}`,
        ...(facts === undefined || startMs === undefined ? {} : { engine: { selfTest: 'passed', facts, startMs } }),
      }
    const mend = name === 'tfjs-node-gpu' && !machine.hasGpu ? '' : mendOf(name)
    return {
      name,
      state: best === undefined ? 'broken' : 'missing',
      detail: reason,
      ...(mend === '' ? {} : { mend }),
    }
  })
}

/** One after the other, each in a process of its own: two engines at once would time each other. */
const backendFindings = async (hasGpu: boolean, wasmThreads: number): Promise<ReadonlyArray<Finding>> => {
  const statuses: EngineStatus[] = []
  for (const name of engineNames) statuses.push(await probeEngine(name, { wasmThreads }))
  return engineFindings(statuses, { hasGpu })
}

/** WebGPU is never what `auto` takes, so a machine without it lacks nothing. */
export const webGpuFinding = ({ available, reason, mend, facts, startMs }: WebGpuStatus): Finding =>
  available && facts !== undefined && startMs !== undefined
    ? {
        name: 'webgpu',
        state: 'ok',
        detail: `${reason} (with --backend webgpu); self-test passed, start ${startMs} ms, tensors of at most ${gib(facts.largestTensor)}`,
        engine: { selfTest: 'passed', facts, startMs },
      }
    : { name: 'webgpu', state: 'missing', detail: reason, ...(mend === '' ? {} : { mend }) }

const pictureFinding = async (): Promise<Finding> => {
  try {
    const { default: sharp } = await import('sharp')
    return {
      name: 'sharp',
      state: 'ok',
      detail: `${sharp.versions.sharp}, libvips ${sharp.versions.vips}: reads pictures`,
    }
  } catch (thrown) {
    return {
      name: 'sharp',
      state: 'broken',
      detail: `does not load (${String(thrown).split('\n')[0]}), so no picture can be read`,
      mend: 'npm install --include=optional sharp',
    }
  }
}

/** Everything, with WASM tried on so many threads. */
export const findings = async (wasmThreads = 1): Promise<ReadonlyArray<Finding>> => {
  const found = await gpus()
  return [
    nodeFinding(process.version),
    ...machineFindings(),
    ...gpuFindings(found),
    ...(await backendFindings(found.length > 0, wasmThreads)),
    webGpuFinding(await probeWebGpu()),
    await pictureFinding(),
  ]
}

const signs = { ok: 'ok', missing: '--', broken: '!!' } as const

export const doctorText = (all: ReadonlyArray<Finding>): string => {
  const mends = all.filter(({ mend }) => mend !== undefined)
  return [
    textTable(all.map(({ name, state, detail }) => [`${signs[state]}  ${name.padEnd(14)}  ${detail}`])),
    ...(mends.length === 0
      ? []
      : [
          '',
          'To mend:',
          ...mends.map(({ name, state, mend }) => `  ${name}${state === 'missing' ? ' (optional)' : ''}: ${mend}`),
        ]),
    '',
    all.some(({ state }) => state === 'broken') ? 'Training does not work here yet.' : 'Training works here.',
  ].join('\n')
}

interface DoctorFlags {
  readonly json?: boolean
  readonly wasm_threads: string
}

const doctor =
  ({ json, wasm_threads: text }: DoctorFlags): TE.TaskEither<TrainError, void> =>
  async () => {
    const wasmThreads = wasmThreadsOf(text)
    if (E.isLeft(wasmThreads)) return wasmThreads
    const all = await findings(wasmThreads.right)
    process.stdout.write(`${json === true ? JSON.stringify({ findings: all }, null, 2) : doctorText(all)}\n`)
    const broken = all.filter(({ state }) => state === 'broken').map(({ name }) => name)
    return broken.length === 0 ? E.right(undefined) : E.left(runFailed(`Not usable: ${broken.join(', ')}.`))
  }

/** Adds `durian doctor`. */
export const registerDoctor = (program: Command): void => {
  program
    .command('doctor')
    .alias('env')
    .summary('which backends work here, what is missing, and the command that mends it')
    .description('Says which backends work on this machine, what is missing, and the command that mends it.')
    .option('--json', 'print JSON instead of lines')
    .option('--wasm_threads <n>', 'threads that WASM is tried with', '1')
    .action((flags: DoctorFlags) => runCommand(doctor(flags)))
}
