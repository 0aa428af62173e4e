/**
 * How kernels are written for a device: where a processor plays the GPU a workgroup barrier costs more than the work between two of them, so
 * an invocation does a whole row; a GPU wants neighbours to read neighbours and shared memory.
 */
export type Style = 'barrier-free' | 'shared-memory'

/** Invocations that share one row. */
export interface Lanes {
  readonly count: number
  readonly style: Style
}

export const lanesOf = (style: Style): Lanes => ({ count: style === 'shared-memory' ? 64 : 1, style })

/** Workgroups for so many rows. */
export const groupsOfRows = ({ count }: Lanes, rows: number): number => (count === 1 ? Math.ceil(rows / 64) : rows)

/** WGSL: `row` and `lane`; invocations without a row are gone behind it. Needs `u.rows`. */
export const rowAndLane = ({ count }: Lanes): string => `
  let row = ${count === 1 ? 'index' : 'groupIndex'};
  let lane = ${count === 1 ? '0u' : 'local'};
  if (row >= u.rows) { return; }`

/** WGSL: a loop over this lane's share of 0..n-1, as `i`. */
export const eachOf = ({ count }: Lanes, n: string, body: string): string =>
  `for (var i = lane; i < ${n}; i += ${count}u) { ${body} }`

/** WGSL of `total` and `highest`: what the lanes of a row have, together. Always in the same order: the same bits each time. */
export const together = ({ count }: Lanes): string =>
  count === 1
    ? `fn total(x: f32, lane: u32) -> f32 { return x; }
fn highest(x: f32, lane: u32) -> f32 { return x; }`
    : `var<workgroup> parts: array<f32, ${count}>;
${tree(count, 'total', (a, b) => `${a} + ${b}`)}
${tree(count, 'highest', (a, b) => `max(${a}, ${b})`)}`

/** WGSL: `start`, where this row begins in `x`, and `most`, its largest number. Needs `u.width`, `rowAndLane` and `together`. */
export const highestOf = (lanes: Lanes, x: string): string => `let start = row * u.width;
  var most = ${x}[start];
  ${eachOf(lanes, 'u.width', `most = max(most, ${x}[start + i]);`)}
  most = highest(most, lane);`

const tree = (count: number, name: string, join: (a: string, b: string) => string): string => `
fn ${name}(x: f32, lane: u32) -> f32 {
  parts[lane] = x;
  workgroupBarrier();
  for (var half = ${count / 2}u; half > 0u; half = half / 2u) {
    if (lane < half) { parts[lane] = ${join('parts[lane]', 'parts[lane + half]')}; }
    workgroupBarrier();
  }
  let all = parts[0];
  workgroupBarrier();
  return all;
}`
