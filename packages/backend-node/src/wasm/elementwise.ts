import { address, sizeOf, type TensorInfo } from './heap.ts'
import type { Device, KernelFunc } from './kernel.ts'

const bytesOf = (x: TensorInfo): number => 4 * sizeOf(x.shape)
const sameShape = (a: TensorInfo, b: TensorInfo): boolean => a.shape.join() === b.shape.join()

/** NaN passes; tfjs's wasm kernel makes it 0. */
export const clip =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs, attrs }) => {
    const x = inputs['x']!
    const { lo, hi } = attrs as { readonly lo: number; readonly hi: number }
    const out = backend.makeOutput(x.shape, 'float32')
    simd.clip(address(backend, x), address(backend, out), bytesOf(x), lo, hi)
    return out
  }

/** Stock minimum and maximum take 6 ns a number, 0.4 here; operands of different shapes stay with them. */
export const extremum = (device: Device, name: 'Minimum' | 'Maximum'): KernelFunc => {
  const { backend, simd } = device
  const stock = device.stock(name)
  const ours = name === 'Minimum' ? simd.minimum : simd.maximum
  return (call) => {
    const [a, b] = [call.inputs['a']!, call.inputs['b']!]
    if (!sameShape(a, b)) return stock(call)
    const out = backend.makeOutput(a.shape, 'float32')
    ours(address(backend, a), address(backend, b), address(backend, out), bytesOf(a))
    return out
  }
}

export const swiglu =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs }) => {
    const [gate, up] = [inputs['gate']!, inputs['up']!]
    const out = backend.makeOutput(gate.shape, 'float32')
    simd.swiglu(address(backend, gate), address(backend, up), address(backend, out), bytesOf(out))
    return out
  }

export const swigluGrad =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs }) => {
    const [dy, gate, up] = [inputs['dy']!, inputs['gate']!, inputs['up']!]
    const [dGate, dUp] = [backend.makeOutput(gate.shape, 'float32'), backend.makeOutput(gate.shape, 'float32')]
    const places = [dy, gate, up, dGate, dUp].map((x) => address(backend, x))
    simd.swigluGrad(...places, bytesOf(gate))
    return [dGate, dUp]
  }
