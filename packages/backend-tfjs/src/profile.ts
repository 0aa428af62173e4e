import type { Tf } from './tf.ts'

/** What one kernel, or one call into the library under it, took since the profile began. */
export interface ProfileEntry {
  readonly name: string
  readonly calls: number
  /** Without what it called: kernels run kernels. */
  readonly ms: number
}

export interface Profile {
  /** Begin anew. */
  readonly start: () => void
  /** What ran since; costliest first. */
  readonly stop: () => { readonly kernels: ReadonlyArray<ProfileEntry>; readonly native: ReadonlyArray<ProfileEntry> }
}

type Book = Map<string, { calls: number; ms: number }>

/**
 * Counts and times every kernel of a backend, by wrapping the registry's entries: for good, so open a backend for it in a process of its
 * own.
 *
 * @param wrapNative - lets a backend time its calls into the library under it
 */
export const profileKernels = (
  tf: Tf,
  backendName: string,
  wrapNative?: (timed: <A>(name: string, call: () => A) => A) => void,
): Profile => {
  let on = false
  const clock = (book: Book) => {
    const inner: number[] = [] // time of what each running call has called
    return <A>(name: string, call: () => A): A => {
      if (!on) return call()
      inner.push(0)
      const began = performance.now()
      try {
        return call()
      } finally {
        const whole = performance.now() - began
        const own = whole - inner.pop()!
        if (inner.length > 0) inner[inner.length - 1]! += whole
        const entry = book.get(name) ?? { calls: 0, ms: 0 }
        book.set(name, { calls: entry.calls + 1, ms: entry.ms + own })
      }
    }
  }
  const [kernels, native]: readonly [Book, Book] = [new Map(), new Map()]
  const ofKernels = clock(kernels)
  for (const { kernelName, kernelFunc } of [...tf.getKernelsForBackend(backendName)]) {
    tf.unregisterKernel(kernelName, backendName)
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: (call) => ofKernels(kernelName, () => kernelFunc(call)),
    })
  }
  wrapNative?.(clock(native))
  const listed = (book: Book): ReadonlyArray<ProfileEntry> =>
    [...book].map(([name, { calls, ms }]) => ({ name, calls, ms })).sort((a, b) => b.ms - a.ms)
  return {
    start: () => {
      kernels.clear()
      native.clear()
      on = true
    },
    stop: () => {
      on = false
      return { kernels: listed(kernels), native: listed(native) }
    },
  }
}
