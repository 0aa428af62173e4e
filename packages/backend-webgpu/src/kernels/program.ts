import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import type { TensorInfo } from '@tensorflow/tfjs-core'

type Element = 'f32' | 'i32' | 'vec4f'

/** A compute shader of our own. */
export interface Program {
  /** One pipeline a name: every constant of the code is part of it. */
  readonly name: string
  readonly inputs: Readonly<Record<string, Element>>
  readonly outputs: Readonly<Record<string, Element>>
  /** Numbers that change without a new pipeline, as `u.name`. */
  readonly numbers: Readonly<Record<string, 'u32' | 'f32'>>
  /** Invocations of a workgroup. */
  readonly threads: number
  /** WGSL beside the entry point. */
  readonly head?: () => string
  /** WGSL of the entry point: `groupIndex` (the same for a workgroup), `local` and `index` = groupIndex threads + local are there. */
  readonly body: () => string
}

export interface Launch {
  /** In the order of `Program.inputs`. */
  readonly inputs: ReadonlyArray<TensorInfo>
  /** In the order of `Program.outputs`: shapes of new tensors, or a tensor that is written in place. */
  readonly outputs: ReadonlyArray<ReadonlyArray<number> | TensorInfo>
  readonly numbers: Readonly<Record<string, number>>
  /** Workgroups. There may be more than asked for, where they fold into two dimensions. */
  readonly groups: number
}

export type Launcher = (program: Program, launch: Launch) => ReadonlyArray<TensorInfo>

/** What a pipeline of tfjs's is to its recorder. */
interface Recorded {
  readonly pipeline: GPUComputePipeline
  readonly dispatch: readonly [number, number, number]
}
interface Uniform {
  readonly type: 'uint32' | 'float32'
  readonly data: ReadonlyArray<number>
}
/** Private in tfjs's types. It binds the output, then the inputs, then a buffer of numbers; for all it cares an input may be written. */
interface Recorder {
  readonly recordAndSubmit: (
    program: Recorded,
    output: TensorInfo,
    inputs: ReadonlyArray<TensorInfo>,
    numbers: ReadonlyArray<Uniform>,
  ) => void
}

const sizeOf = (shape: ReadonlyArray<number>): number => shape.reduce((size, n) => size * n, 1)

/**
 * Runs programs on tfjs's command queue, beside its own kernels. Unlike `runWebGPUProgram` a program may have several outputs, its code has
 * no preamble of 300 lines, and shapes do not take part in the choice of the pipeline.
 */
export const launcher = (backend: WebGPUBackend, device: GPUDevice): Launcher => {
  const recorder = backend as unknown as Recorder
  const { maxComputeWorkgroupsPerDimension: widest } = device.limits
  const pipelines = new Map<string, new (dispatch: Recorded['dispatch']) => Recorded>()

  const compiled = (program: Program): new (dispatch: Recorded['dispatch']) => Recorded => {
    const known = pipelines.get(program.name)
    if (known !== undefined) return known
    const module = device.createShaderModule({ code: shader(program), label: program.name })
    const pipeline = device.createComputePipeline({
      compute: { module, entryPoint: 'main' },
      label: program.name,
      layout: 'auto',
    })
    // tfjs's profiler calls a program by the name of its class
    const named = {
      [program.name]: class implements Recorded {
        readonly pipeline = pipeline
        readonly dispatch: Recorded['dispatch']
        constructor(dispatch: Recorded['dispatch']) {
          this.dispatch = dispatch
        }
      },
    }[program.name]!
    pipelines.set(program.name, named)
    return named
  }

  const run: Launcher = (program, { inputs, outputs, numbers, groups }) => {
    const made = outputs.map((output) => ('dataId' in output ? output : backend.makeTensorInfo([...output], 'float32')))
    if (groups === 0 || made.every(({ shape }) => sizeOf(shape) === 0)) {
      for (const { dataId } of made) backend.tensorMap.get(dataId).values = new Float32Array(0)
      return made
    }
    const converted: TensorInfo[] = []
    const floats = inputs.map((x, i) => {
      backend.uploadToGPU(x.dataId)
      const wanted = Object.values(program.inputs)[i]
      // a cast from integers leaves the buffer as it is and calls it float32
      if (wanted === 'i32' || backend.tensorMap.get(x.dataId).dtype === 'float32') return x
      const [float] = run(toFloat, {
        inputs: [x],
        outputs: [x.shape],
        numbers: { size: sizeOf(x.shape) },
        groups: Math.ceil(sizeOf(x.shape) / toFloat.threads),
      })
      converted.push(float!)
      return float!
    })
    for (const { dataId } of made) backend.uploadToGPU(dataId)
    const [first, ...others] = made.map(flat)
    const across = Math.min(groups, widest)
    recorder.recordAndSubmit(
      new (compiled(program))([across, Math.ceil(groups / across), 1]),
      first!,
      [...floats.map(flat), ...others],
      Object.entries(program.numbers).map(([name, type]) => ({
        type: type === 'u32' ? 'uint32' : 'float32',
        data: [numbers[name]!],
      })),
    )
    for (const { dataId } of converted) backend.disposeData(dataId)
    return made
  }
  return run
}

/** One axis: tfjs puts each tensor's shape and strides before our numbers, and so they are two integers each. */
const flat = (x: TensorInfo): TensorInfo => ({ ...x, shape: [sizeOf(x.shape)] })

const toFloat: Program = {
  name: 'DurianToFloat',
  inputs: { x: 'i32' },
  outputs: { y: 'f32' },
  numbers: { size: 'u32' },
  threads: 64,
  body: () => `if (index < u.size) { y[index] = f32(x[index]); }`,
}

/** WGSL: e^x and ln x that keep NaN, told by its bits. SwiftShader makes numbers of it, and a policy that has gone wrong looks like a sure one. */
export const power = `
fn isNone(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn power(x: f32) -> f32 { return select(exp(x), x, isNone(x)); }
fn logarithm(x: f32) -> f32 { return select(log(x), x, isNone(x)); }`

const shader = ({ inputs, outputs, numbers, threads, head, body }: Program): string => {
  const [first, ...others] = Object.entries(outputs)
  const bindings = [
    ['read_write', first!],
    ...Object.entries(inputs).map((entry) => ['read', entry] as const),
    ...others.map((entry) => ['read_write', entry] as const),
  ] as ReadonlyArray<readonly [access: string, entry: readonly [name: string, element: Element]]>
  const ignored = bindings.map((_, i) => `shape${i}: i32, stride${i}: i32,`).join(' ')
  const own = Object.entries(numbers).map(([name, type]) => `${name}: ${type},`)
  return `
struct Numbers { nan: f32, infinity: f32, ${ignored} ${own.join(' ')} }
${bindings
  .map(
    ([access, [name, element]], i) =>
      `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${element === 'vec4f' ? 'vec4<f32>' : element}>;`,
  )
  .join('\n')}
@group(0) @binding(${bindings.length}) var<uniform> u: Numbers;
${head?.() ?? ''}
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) groupPlace: vec3<u32>,
  @builtin(num_workgroups) groupCounts: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let groupIndex = groupPlace.x + groupPlace.y * groupCounts.x;
  let index = groupIndex * ${threads}u + local;
${body()}
}`
}
