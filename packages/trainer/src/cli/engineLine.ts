import type { Opened } from '@durian/backend-node'

/**
 * Which engine computes and why, in one line. TensorFlow is recommended with its condition: on the demo's policy of 0.22 M parameters wasm
 * was the faster one, on a policy of width 128 TensorFlow.
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
    `larger policies train several times faster after ${better.mend})`
  )
}
