import { type Clock, clockOf, type Dispatch, dispatchTime } from './deviceTime.ts'

/** What a device can do at most, as two kernels that do nothing else find it: WebGPU tells of no peak rates. */
export interface MeasuredLimits {
  /** Bytes read and written a second by a copy of `copyBytes`, 1e9. */
  readonly copyGBs: number
  readonly copyBytes: number
  /** Float32 multiply-adds in registers, two operations each, 1e9 a second. */
  readonly fmaGFLOPs: number
  readonly clock: Clock
}

const THREADS = 256
/** A vector of four, and as many chains beside one another that a processor need not wait for the last sum. */
const CHAINS = 8
const STEPS = 256

const copy = `
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let size = arrayLength(&x);
  for (var i = id.x; i < size; i += groups.x * ${THREADS}u) { y[i] = x[i]; }
}`

const chains = Array.from({ length: CHAINS }, (_, i) => i)

const multiplyAdd = `
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let a = x[0];
  let b = x[1];
  ${chains.map((i) => `var sum${i} = x[id.x % arrayLength(&x)] + ${i}.0;`).join('\n  ')}
  for (var step = 0u; step < ${STEPS}u; step++) {
    ${chains.map((i) => `sum${i} = fma(sum${i}, a, b);`).join(' ')}
  }
  y[id.x % arrayLength(&y)] = ${chains.map((i) => `sum${i}`).join(' + ')};
}`

const dispatchOf = (
  device: GPUDevice,
  code: string,
  buffers: ReadonlyArray<GPUBuffer>,
  workgroups: number,
): Dispatch => {
  const module = device.createShaderModule({ code })
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } })
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  })
  return { device, pipeline, group, workgroups }
}

/** Milliseconds of one dispatch: the best of five runs of as many as last `enoughMs` together. */
const best = async (dispatch: Dispatch, enoughMs: number): Promise<number> => {
  let count = 1
  let ms = await dispatchTime(dispatch, count)
  while (ms < enoughMs && count < 4096) {
    count = Math.min(4096, Math.max(2 * count, Math.ceil((count * enoughMs) / Math.max(ms, 1e-3))))
    ms = await dispatchTime(dispatch, count)
  }
  let least = ms
  for (let round = 0; round < 4; round++) least = Math.min(least, await dispatchTime(dispatch, count))
  return least / count
}

/** @param software - a device on the processor: sizes of which it makes an end */
export const measureLimits = async (device: GPUDevice, software: boolean): Promise<MeasuredLimits> => {
  const largest = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)
  const bytes = Math.min(software ? 2 ** 24 : 2 ** 29, 2 ** Math.floor(Math.log2(largest)))
  const enoughMs = software ? 20 : 100
  const [x, y] = [0, 1].map(() => device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE })) as [
    GPUBuffer,
    GPUBuffer,
  ]
  const copyMs = await best(dispatchOf(device, copy, [x, y], software ? 64 : 8192), enoughMs)
  const groups = software ? 16 : 8192
  const fmaMs = await best(dispatchOf(device, multiplyAdd, [x, y], groups), enoughMs)
  for (const buffer of [x, y]) buffer.destroy()
  return {
    copyGBs: (2 * bytes) / copyMs / 1e6,
    copyBytes: bytes,
    fmaGFLOPs: (groups * THREADS * CHAINS * 4 * STEPS * 2) / fmaMs / 1e6,
    clock: clockOf(device),
  }
}
