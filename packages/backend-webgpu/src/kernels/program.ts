import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { Halves } from './halves.ts'
import { declaredHalf, type HalfElement, type HalfForm, isHalf, overflowBinding } from './halfWgsl.ts'

/** What a buffer holds. Numbers of 16 bits are read by `at` and written by `put`, a pair or (`half4`) a vector of four at a time. */
type Element = 'f32' | 'i32' | 'vec4f' | HalfElement

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
export const launcher = (backend: WebGPUBackend, device: GPUDevice, halves: Halves): Launcher => {
  const recorder = backend as unknown as Recorder
  const { maxComputeWorkgroupsPerDimension: widest } = device.limits
  const pipelines = new Map<string, new (dispatch: Recorded['dispatch']) => Recorded>()

  const compiled = (program: Program): new (dispatch: Recorded['dispatch']) => Recorded => {
    const known = pipelines.get(program.name)
    if (known !== undefined) return known
    const module = device.createShaderModule({ code: shader(program, halves.form), label: program.name })
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
    const kinds = Object.values(program.outputs)
    const made = outputs.map((output, i) => {
      if ('dataId' in output) return output
      return isHalf(kinds[i]!) ? halves.make(output) : backend.makeTensorInfo([...output], 'float32')
    })
    if (groups === 0 || made.every(({ shape }) => sizeOf(shape) === 0)) {
      for (const { dataId } of made) backend.tensorMap.get(dataId).values = new Float32Array(0)
      return made
    }
    const converted: TensorInfo[] = []
    const floats = inputs.map((x, i) => {
      backend.uploadToGPU(x.dataId)
      const wanted = Object.values(program.inputs)[i]!
      if (isHalf(wanted)) return x
      if (wanted !== 'i32' && halves.has(x)) {
        const [float] = run(widened, {
          inputs: [x],
          outputs: [x.shape],
          numbers: { size: sizeOf(x.shape) },
          groups: Math.ceil(sizeOf(x.shape) / widened.threads),
        })
        converted.push(float!)
        return float!
      }
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
    const overflow = checksRange(program) ? [halves.overflow()] : []
    for (const { dataId } of overflow) backend.uploadToGPU(dataId)
    const [first, ...others] = [...made, ...overflow].map(flat)
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

/** Numbers of 16 bits in 32, for a program that reads no others. */
export const widened: Program = {
  name: 'DurianWidened',
  inputs: { x: 'half' },
  outputs: { y: 'f32' },
  numbers: { size: 'u32' },
  threads: 64,
  body: () => `if (index < u.size) { y[index] = ${at('half', 'x', 'index')}; }`,
}

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

/** Whether what does not fit into 16 bits has to be noticed. */
const checksRange = ({ outputs }: Program): boolean => Object.values(outputs).some(isHalf)

/** WGSL: one number, or vector, of a buffer. */
export const at = (element: Element, name: string, index: string): string =>
  isHalf(element) ? `${name}At(${index})` : `${name}[${index}]`

/** WGSL: write one number, or vector, into a buffer; of `half` a pair, with the pair's index. */
export const put = (element: Element, name: string, index: string, value: string): string =>
  isHalf(element) ? `${name}Put(${index}, ${value});` : `${name}[${index}] = ${value};`

const types = { f32: 'f32', i32: 'i32', vec4f: 'vec4<f32>' } as const

/** The code of a program, 16-bit numbers in the one form or the other. */
export const shader = (program: Program, form: HalfForm): string => {
  const { inputs, outputs, numbers, threads, head, body } = program
  const checked = checksRange(program)
  const [first, ...others] = Object.entries(outputs)
  const bindings = [
    ['read_write', first!],
    ...Object.entries(inputs).map((entry) => ['read', entry] as const),
    ...others.map((entry) => ['read_write', entry] as const),
  ] as ReadonlyArray<readonly [access: 'read' | 'read_write', entry: readonly [name: string, element: Element]]>
  const bound = bindings.length + (checked ? 1 : 0)
  const halves = bindings.some(([, [, element]]) => isHalf(element))
  const ignored = Array.from({ length: bound }, (_, i) => `shape${i}: i32, stride${i}: i32,`).join(' ')
  const own = Object.entries(numbers).map(([name, type]) => `${name}: ${type},`)
  return `${halves && form === 'native' ? '\nenable f16;' : ''}
struct Numbers { nan: f32, infinity: f32, ${ignored} ${own.join(' ')} }
${bindings
  .map(([access, [name, element]], i) =>
    isHalf(element)
      ? declaredHalf({ form, element, name, binding: i, access })
      : `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${types[element]}>;`,
  )
  .join('\n')}${checked ? overflowBinding(bindings.length) : ''}
@group(0) @binding(${bound}) var<uniform> u: Numbers;
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
