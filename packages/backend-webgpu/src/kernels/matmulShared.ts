import { formName, type ProductForm, type ProductSizes, type Tiles } from './matmul.ts'
import { at } from './program.ts'

/** Rows and columns of a workgroup's tile, and how much of the inner size lies in shared memory at once. */
const SIDE = 64
const DEPTH = 16
/** Rows and columns of each of its 256 invocations. */
const OWN = 4
const ACROSS = SIDE / OWN
const INVOCATIONS = ACROSS * ACROSS
/** Four more than a row has: neighbours in a column do not meet in one bank. */
const PITCH = SIDE + 4
const LOADS = (SIDE * DEPTH) / INVOCATIONS

/** Workgroups that keep a GPU busy, and the least inner size worth a cut. */
const ENOUGH = 256
const LEAST_DEPTH = 256

const tileCount = ({ batch, m, n }: ProductSizes): number => batch * Math.ceil(m / SIDE) * Math.ceil(n / SIDE)

const own = Array.from({ length: OWN }, (_, i) => i)

/** One operand's share of the tile: neighbours read neighbours, whichever axis lies together in memory. */
const load = (
  name: 'a' | 'b',
  form: ProductForm,
  { size, depthTogether }: { readonly size: 'm' | 'n'; readonly depthTogether: boolean },
) => {
  const first = name === 'a' ? 'row' : 'column'
  return `for (var i = 0u; i < ${LOADS}u; i++) {
      let place = local + i * ${INVOCATIONS}u;
      let inner = ${depthTogether ? `place % ${DEPTH}u` : `place / ${SIDE}u`};
      let outer = ${depthTogether ? `place / ${DEPTH}u` : `place % ${SIDE}u`};
      var value = 0.0;
      if (start + inner < stop && ${first} + outer < u.${size}) {
        value = ${at(
          form[name],
          name,
          `${name}Start + ${
            depthTogether
              ? `(${first} + outer) * u.k + start + inner`
              : `(start + inner) * u.${size} + ${first} + outer`
          }`,
        )};
      }
      ${name}Tile[inner * ${PITCH}u + outer] = value;
    }`
}

/** 64 x 64 tiles in shared memory, 4 x 4 of them an invocation: for GPUs, whose memory is slower than their arithmetic. */
export const sharedTiles: Tiles = {
  splits: (sizes) => {
    const tiles = tileCount(sizes)
    if (tiles >= ENOUGH / 2 || sizes.k < 2 * LEAST_DEPTH) return 1
    return Math.min(Math.ceil(ENOUGH / tiles), Math.floor(sizes.k / LEAST_DEPTH))
  },
  groups: tileCount,
  program: (form) => {
    const { transposeA, transposeB, bias, plus } = form
    return {
      name: `DurianMatMul shared ${formName(form)}`,
      inputs: { a: form.a, b: form.b, ...(bias ? { bias: 'f32' } : {}), ...(plus ? { plus: 'f32' } : {}) },
      outputs: { y: 'f32' },
      numbers: { batch: 'u32', m: 'u32', k: 'u32', n: 'u32', splits: 'u32', depth: 'u32' },
      threads: INVOCATIONS,
      head: () => `
var<workgroup> aTile: array<f32, ${PITCH * DEPTH}>;
var<workgroup> bTile: array<f32, ${PITCH * DEPTH}>;`,
      body: () => `
  let across = (u.n + ${SIDE - 1}u) / ${SIDE}u;
  let down = (u.m + ${SIDE - 1}u) / ${SIDE}u;
  if (groupIndex >= u.batch * u.splits * down * across) { return; }
  let column = groupIndex % across * ${SIDE}u;
  let row = groupIndex / across % down * ${SIDE}u;
  let piece = groupIndex / across / down;
  let item = piece / u.splits;
  let aStart = item * u.m * u.k;
  let bStart = item * u.k * u.n;
  let begin = piece % u.splits * u.depth;
  let stop = min(u.k, begin + u.depth);
  let ownRow = local / ${ACROSS}u * ${OWN}u;
  let ownColumn = local % ${ACROSS}u * ${OWN}u;
  ${own.map((i) => `var sum${i} = vec4<f32>(0.0);`).join(' ')}
  for (var start = begin; start < stop; start += ${DEPTH}u) {
    ${load('a', form, { size: 'm', depthTogether: !transposeA })}
    ${load('b', form, { size: 'n', depthTogether: transposeB })}
    workgroupBarrier();
    for (var inner = 0u; inner < ${DEPTH}u; inner++) {
      let left = inner * ${PITCH}u + ownRow;
      let across = inner * ${PITCH}u + ownColumn;
      let right = vec4<f32>(${own.map((j) => `bTile[across + ${j}u]`).join(', ')});
      ${own.map((i) => `sum${i} += aTile[left + ${i}u] * right;`).join(' ')}
    }
    workgroupBarrier();
  }
  ${own
    .map(
      (i) => `if (row + ownRow + ${i}u < u.m) {
    let line = row + ownRow + ${i}u;
    let out = (piece * u.m + line) * u.n;
    for (var j = 0u; j < ${OWN}u; j++) {
      let place = column + ownColumn + j;
      if (place < u.n) { y[out + place] = ${plus ? 'plus[out + place] + ' : ''}sum${i}[j]${bias ? ' + bias[place]' : ''}; }
    }
  }`,
    )
    .join('\n  ')}`,
    }
  },
}
