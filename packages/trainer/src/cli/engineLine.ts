import type { Opened } from '@durian/backend-node'

/**
 * Which engine computes and why, in one line. TensorFlow is named with its condition: on one thread WASM was as fast in training and faster in
 * sampling up to a width of 128 (docs/performance.md).
 */
export const engineLine = (
  {
    backend,
    engine,
    passedOver,
  }: Pick<Opened, 'engine' | 'passedOver'> & {
    readonly backend: { readonly info: { readonly description: string } }
  },
  prefer: string,
): string => {
  const { description } = backend.info
  if (prefer !== 'auto') return `Backend: ${description} (asked for by --backend ${prefer})`
  const better = passedOver.find(({ name }) => name === 'tfjs-node')
  if (better === undefined) return `Backend: ${description} (${engine}, the first of --backend auto that works here)`
  return (
    `Backend: ${description} (the first of --backend auto that works here; ${better.reason}: ` +
    `for several threads or larger policies try ${better.mend})`
  )
}
