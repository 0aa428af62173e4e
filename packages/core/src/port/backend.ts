import type { TaskEither } from '../fp.ts'
import type { Ids, TensorOps } from '../ops/tensorOps.ts'

/** Named tensors: a policy's weights, their gradients, an optimiser's moments. */
export type Params<T> = Readonly<Record<string, T>>

/** Tensors in any arrangement of arrays and records; other leaves (numbers, strings) pass through untouched. */
export type Tree<T> =
  T | number | string | boolean | null | undefined | ReadonlyArray<Tree<T>> | { readonly [key: string]: Tree<T> }

export type BackendError =
  | { readonly _tag: 'Unavailable'; readonly backend: string; readonly reason: string }
  | { readonly _tag: 'OutOfMemory'; readonly backend: string; readonly reason: string }
  | { readonly _tag: 'DeviceFailed'; readonly backend: string; readonly reason: string }

/** Reverse-mode differentiation: a capability of a backend, not an operation of the algebra. */
export interface Gradients<T> {
  /** Value, gradients by parameter, and whatever else `f` wants to report (`aux` carries no gradient). */
  readonly valueAndGrad: <P extends Params<T>, A>(
    f: (params: P) => { readonly value: T; readonly aux: A },
  ) => (params: P) => { readonly value: T; readonly grads: P; readonly aux: A }
  /** Vector-Jacobian product: f at the inputs, and the cotangent pulled back to each input. */
  readonly vjp: (
    f: (inputs: ReadonlyArray<T>) => T,
  ) => (inputs: ReadonlyArray<T>, cotangent: T) => { readonly value: T; readonly grads: ReadonlyArray<T> }
}

/** Tensors that live across awaits, inside one bracket. */
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- T says whose tensors: one backend's bracket is not another's
export interface Held<T> {
  /** Own these tensors until the bracket ends, on success, failure or interruption. */
  readonly keep: <A>(tree: A) => A
  /** Give up ownership: they outlive the bracket and belong to the caller. */
  readonly release: <A>(tree: A) => A
  /** Free now what the bracket owns. */
  readonly free: (tree: unknown) => void
}

export interface Memory<T> {
  /** Run and free every tensor made inside except those in the result. Synchronous: never spans an await. */
  readonly scope: <A>(body: () => A) => A
  /** Free every tensor in an arrangement of arrays and records; other leaves are ignored. */
  readonly free: (tree: unknown) => void
  readonly liveTensors: () => number
  readonly bytes: () => number
  /** For work that crosses an await: frees what it still holds on success and on failure. */
  readonly bracket: <A>(use: (held: Held<T>) => Promise<A>) => Promise<A>
}

export interface Transfer<T> {
  /** Wait for the device and copy to the host. There is no synchronous read: WebGPU has none. */
  readonly read: (x: T) => TaskEither<BackendError, Float32Array>
}

/**
 * Keys and values of the tokens so far, one entry a layer: a capability with linear use (an old cache may not be used again).
 * keys, values: [R, KV, t, hd], growing in t.
 */
export interface KvCache<T> {
  readonly keys: ReadonlyArray<T>
  readonly values: ReadonlyArray<T>
  readonly length: number
}
export interface KvCaches<T> {
  readonly create: () => KvCache<T>
  /** One layer's keys and values [R, KV, n, hd] put behind the old ones; consumes the old layer. */
  readonly append: (cache: KvCache<T>, layer: number, keys: T, values: T) => KvCache<T>
  /** Keep only these rows of every layer; consumes the old cache. */
  readonly selectRows: (cache: KvCache<T>, rows: ReadonlyArray<number>) => KvCache<T>
  readonly free: (cache: KvCache<T>) => void
}

export interface DeviceInfo {
  /** e.g. 'wasm', 'tensorflow', 'webgpu'. */
  readonly backend: string
  /** Library and version, device and threads in words, e.g. 'tfjs-backend-wasm 4.22.0, SIMD, 1 thread'. */
  readonly description: string
}

export interface Backend<T> {
  readonly name: string
  readonly info: DeviceInfo
  readonly ops: TensorOps<T>
  readonly gradients: Gradients<T>
  readonly memory: Memory<T>
  readonly transfer: Transfer<T>
  readonly kvCaches: KvCaches<T>
}

/** Acquire a device, run `use`, release it. The caller never learns T. */
export type WithBackend = <E, A>(use: <T>(backend: Backend<T>) => TaskEither<E, A>) => TaskEither<E | BackendError, A>

/** Where a policy's weights come from: resident, or streamed layer by layer. Interchangeable to the programs that use them. */
export interface WeightSource<T> {
  /** The weights whose names begin with `prefix`, keyed by the rest of the name. Streamed ones are new tensors of the scope they are asked in. */
  readonly under: (prefix: string) => Params<T>
  /** Rows of a table that is not on the device, N ids -> [N, d]; left out where every table is. */
  readonly rows?: (name: string, ids: Ids) => T
}
