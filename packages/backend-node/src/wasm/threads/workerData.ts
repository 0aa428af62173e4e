/** What a thread is given when it starts. */
export interface WorkerData {
  /** The compiled kernels. */
  readonly module: object
  /** Shared memory of WebAssembly. */
  readonly memory: object
  readonly block: SharedArrayBuffer
  /** The main thread is 0. */
  readonly thread: number
}
