import type { Opened } from '@durian/backend-node'

/** Which engine computes and why, in one line, and what would be faster: TensorFlow takes 0.5 to 0.8 of WASM's time (docs/performance.md). */
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
    `Backend: ${description} (the first of --backend auto that works here; ${better.reason}; ` +
    `faster: ${better.mend})`
  )
}
