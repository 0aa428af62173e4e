import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { KernelBody } from '../registry.ts'
import { groupsOf, type Gpu, sizeOf, THREADS } from './kernel.ts'
import { dot, each, elementOf, type Head, headOf, load, meet, type Stored, unmet, zero } from './head.ts'
import { at as read, power, type Program } from './program.ts'

/** WGSL: a key this far below what was seen has weight 0 in float32; its product is not worth making. */
const isHidden = (mask: string, most: string): string => `${mask} + 1e8 < ${most}`

/** One of the sets of keys a query meets: its run's own, or those it shares with neighbouring runs. */
type Kind = 'own' | 'shared'

const numbers = {
  runs: 'u32',
  /** Queries of a run. */
  rows: 'u32',
  ownKeys: 'u32',
  sharedKeys: 'u32',
  /** Neighbouring runs that meet the same shared keys. */
  runsPerShared: 'u32',
  /** Neighbouring runs under the same mask. */
  runsPerMask: 'u32',
  /** Rows of a mask: one a query, or one for all. */
  maskRows: 'u32',
} as const

const maskStart = (run: string, row: string): string =>
  `(${run} / u.runsPerMask * u.maskRows + select(${row}, 0u, u.maskRows == 1u)) * (u.sharedKeys + u.ownKeys)`

interface Form {
  readonly head: Head
  readonly shared: boolean
  readonly mask: boolean
  /** Keys and values, those that are shared too. */
  readonly keys: Stored
}

const nameOf = ({ head, shared, mask, keys }: Form): string =>
  `hd${head.width}${shared ? ' shared' : ''}${mask ? ' masked' : ''}${keys === 'half' ? ' 16' : ''}`

/** All keys of one set. */
const meetAll = ({ head, mask, keys }: Form, kind: Kind): string => {
  const element = elementOf(head, keys)
  return `
  let ${kind}Start = ${kind === 'own' ? 'run * u.ownKeys' : 'run / u.runsPerShared * u.sharedKeys'};
  for (var i = 0u; i < u.${kind}Keys; i++) {
    ${
      mask
        ? `let hidden = mask[maskAt + ${kind === 'own' ? 'u.sharedKeys + ' : ''}i];
    if (${isHidden('hidden', 'most')}) { continue; }`
        : ''
    }
    let at = (${kind}Start + i) * ${head.pieces.length}u;
    ${meet(
      head,
      dot(
        head,
        (c) => `q${c}`,
        (c) => read(element, `${kind}Key`, `at + ${c}u`),
      ) + (mask ? ' + hidden' : ''),
      (c) => read(element, `${kind}Value`, `at + ${c}u`),
    )}
  }`
}

const forward = (form: Form): Program => {
  const { head, shared, mask } = form
  const keys = elementOf(head, form.keys)
  return {
    name: `DurianAttention ${nameOf(form)}`,
    inputs: {
      query: head.element,
      ownKey: keys,
      ownValue: keys,
      ...(shared ? { sharedKey: keys, sharedValue: keys } : {}),
      ...(mask ? { mask: 'f32' } : {}),
    },
    outputs: { out: head.element, logTotal: 'f32' },
    numbers,
    threads: THREADS,
    head: () => power,
    body: () => `
  if (index >= u.runs * u.rows) { return; }
  let run = index / u.rows;
  ${mask ? `let maskAt = ${maskStart('run', 'index % u.rows')};` : ''}
  let place = index * ${head.pieces.length}u;
  ${load(head, 'q', { from: 'query', at: 'place' })}
${unmet(head)}
  ${shared ? meetAll(form, 'shared') : ''}
  ${meetAll(form, 'own')}
  ${each(head, (c) => `out[place + ${c}u] = sum${c} / weights;`)}
  logTotal[index] = most + logarithm(weights);`,
  }
}

/** What the backward kernels need of each query: ln of the total of its weights, and dy . out. */
const statistics = (head: Head): Program => ({
  name: `DurianAttentionGrad statistics ${nameOf({ head, shared: false, mask: false, keys: 'full' })}`,
  inputs: { dy: head.element, out: head.element, logTotal: 'f32' },
  outputs: { facts: 'f32' },
  numbers: { size: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  let place = index * ${head.pieces.length}u;
  facts[2u * index] = logTotal[index];
  facts[2u * index + 1u] = ${dot(
    head,
    (c) => `dy[place + ${c}u]`,
    (c) => `out[place + ${c}u]`,
  )};`,
})

const numbersOfSet = { ...numbers, keys: 'u32', runsPerSet: 'u32', maskOffset: 'u32' } as const

const setInputs = ({ head, mask, keys }: Form): Program['inputs'] => ({
  query: head.element,
  key: elementOf(head, keys),
  value: elementOf(head, keys),
  dy: head.element,
  facts: 'f32',
  ...(mask ? { mask: 'f32' } : {}),
})

/** dQ += sum over one set's keys of p (dy . v - dy . out) k, p = exp(score - ln total). */
const queryGrad = (form: Form, adds: boolean): Program => {
  const { head, mask, keys: stored } = form
  return {
    name: `DurianAttentionGrad queries ${nameOf(form)}${adds ? ' adds' : ''}`,
    inputs: { ...setInputs(form), ...(adds ? { before: head.element } : {}) },
    outputs: { dq: head.element },
    numbers: numbersOfSet,
    threads: THREADS,
    head: () => power,
    body: () => `
  if (index >= u.runs * u.rows) { return; }
  let run = index / u.rows;
  ${mask ? `let maskAt = ${maskStart('run', 'index % u.rows')} + u.maskOffset;` : ''}
  let place = index * ${head.pieces.length}u;
  ${load(head, 'q', { from: 'query', at: 'place' })}
  ${load(head, 'd', { from: 'dy', at: 'place' })}
  let logTotal = facts[2u * index];
  let share = facts[2u * index + 1u];
  ${each(head, (c) => `var sum${c} = ${adds ? `before[place + ${c}u]` : zero(head)};`)}
  let start = run / u.runsPerSet * u.keys;
  for (var i = 0u; i < u.keys; i++) {
    ${mask ? `let hidden = mask[maskAt + i]; if (${isHidden('hidden', 'logTotal')}) { continue; }` : ''}
    let at = (start + i) * ${head.pieces.length}u;
    ${load(head, 'k', { from: 'key', at: 'at', stored })}
    let score = ${dot(
      head,
      (c) => `q${c}`,
      (c) => `k${c}`,
    )}${mask ? ' + hidden' : ''};
    let slope = power(score - logTotal) * (${dot(
      head,
      (c) => `d${c}`,
      (c) => read(elementOf(head, stored), 'value', `at + ${c}u`),
    )} - share);
    ${each(head, (c) => `sum${c} += slope * k${c};`)}
  }
  ${each(head, (c) => `dq[place + ${c}u] = sum${c};`)}`,
  }
}

/** For one key: dV = sum over the queries that meet it of p dy, dK = sum of p (dy . v - dy . out) q. */
const keyGrad = (form: Form): Program => {
  const { head, mask, keys: stored } = form
  return {
    name: `DurianAttentionGrad keys ${nameOf(form)}`,
    inputs: setInputs(form),
    outputs: { dk: head.element, dv: head.element },
    numbers: numbersOfSet,
    threads: THREADS,
    head: () => power,
    body: () => `
  if (index >= u.runs / u.runsPerSet * u.keys) { return; }
  let firstRun = index / u.keys * u.runsPerSet;
  let own = index % u.keys;
  let place = index * ${head.pieces.length}u;
  ${load(head, 'k', { from: 'key', at: 'place', stored })}
  ${load(head, 'v', { from: 'value', at: 'place', stored })}
  ${each(head, (c) => `var dk${c} = ${zero(head)}; var dv${c} = ${zero(head)};`)}
  for (var i = firstRun * u.rows; i < (firstRun + u.runsPerSet) * u.rows; i++) {
    let logTotal = facts[2u * i];
    ${
      mask
        ? `let hidden = mask[${maskStart('(i / u.rows)', '(i % u.rows)')} + u.maskOffset + own];
    if (${isHidden('hidden', 'logTotal')}) { continue; }`
        : ''
    }
    let at = i * ${head.pieces.length}u;
    ${load(head, 'q', { from: 'query', at: 'at' })}
    ${load(head, 'd', { from: 'dy', at: 'at' })}
    let score = ${dot(
      head,
      (c) => `q${c}`,
      (c) => `k${c}`,
    )}${mask ? ' + hidden' : ''};
    let weight = power(score - logTotal);
    let slope = weight * (${dot(
      head,
      (c) => `d${c}`,
      (c) => `v${c}`,
    )} - facts[2u * i + 1u]);
    ${each(head, (c) => `dk${c} += slope * q${c}; dv${c} += weight * d${c};`)}
  }
  ${each(head, (c) => `dk[place + ${c}u] = dk${c}; dv[place + ${c}u] = dv${c};`)}`,
  }
}

type Named = Readonly<Record<string, TensorInfo>>

/** Sizes that all kernels of one call share. */
const sizesOf = ({ queries, keys, sharedKeys, mask }: Named) => {
  const [runs, rows] = queries!.shape as [number, number]
  const [sharedSets, shared] = (sharedKeys?.shape ?? [1, 0]) as [number, number]
  const [masks, maskRows] = (mask?.shape ?? [1, 1]) as [number, number]
  return {
    runs,
    rows,
    ownKeys: keys!.shape[1]!,
    sharedKeys: shared,
    runsPerShared: runs / sharedSets,
    runsPerMask: runs / masks,
    maskRows,
  }
}

const formOf = ({ halves }: Gpu, { queries, keys, sharedKeys, mask }: Named): Form => ({
  head: headOf(queries!.shape[2]!),
  shared: sharedKeys !== undefined,
  mask: mask !== undefined,
  // tensors without numbers are in 32 bits whatever the others are
  keys: [keys, sharedKeys].some((x) => x !== undefined && halves.has(x)) ? 'half' : 'full',
})

/** A buffer of no bytes cannot be bound: shared keys that are none are left out. */
const withoutEmpty = ({ sharedKeys, sharedValues, ...others }: Named): Named =>
  sharedKeys === undefined || sizeOf(sharedKeys.shape) === 0
    ? others
    : { ...others, sharedKeys, sharedValues: sharedValues! }

/** Queries [S, n, hd] -> mixed values [S, n, hd], and ln of the total of each query's weights, [S, n]. */
export const attention =
  (gpu: Gpu): KernelBody =>
  (call) => {
    const inputs = withoutEmpty(call.inputs)
    const sizes = sizesOf(inputs)
    const queries = inputs['queries']!
    const ordered = ['queries', 'keys', 'values', 'sharedKeys', 'sharedValues', 'mask'].map((name) => inputs[name])
    return [
      ...gpu.launch(forward(formOf(gpu, inputs)), {
        inputs: ordered.filter((x) => x !== undefined),
        outputs: [queries.shape, [sizes.runs, sizes.rows]],
        numbers: sizes,
        groups: groupsOf(sizes.runs * sizes.rows),
      }),
    ]
  }

/** Gradients of queries, keys, values and, where there are, shared keys and shared values, in this order. Nothing is added with atomics. */
export const attentionGrad =
  (gpu: Gpu): KernelBody =>
  ({ inputs }) => {
    const { launch, backend } = gpu
    const sizes = sizesOf(inputs)
    const form = formOf(gpu, inputs)
    const { queries, mask, dy, out, logTotal } = inputs as Record<string, TensorInfo>
    const queryCount = sizes.runs * sizes.rows
    const [facts] = launch(statistics(form.head), {
      inputs: [dy!, out!, logTotal!],
      outputs: [[queryCount, 2]],
      numbers: { size: queryCount },
      groups: groupsOf(queryCount),
    })
    const sets = [
      { keys: inputs['keys']!, values: inputs['values']!, runsPerSet: 1, maskOffset: sizes.sharedKeys },
      ...(inputs['sharedKeys'] === undefined
        ? []
        : [
            {
              keys: inputs['sharedKeys'],
              values: inputs['sharedValues']!,
              runsPerSet: sizes.runsPerShared,
              maskOffset: 0,
            },
          ]),
    ]
    const one = { ...form, shared: false }
    let dq: TensorInfo | undefined
    const grads = sets.flatMap(({ keys, values, runsPerSet, maskOffset }) => {
      if (sizeOf(keys.shape) === 0)
        return [keys, values].map(({ shape }) => backend.makeTensorInfo([...shape], 'float32'))
      const given = [queries!, keys, values, dy!, facts!, ...(mask === undefined ? [] : [mask])]
      const numbers = { ...sizes, keys: keys.shape[1]!, runsPerSet, maskOffset }
      const before = dq
      dq = launch(queryGrad(one, before !== undefined), {
        inputs: before === undefined ? given : [...given, before],
        outputs: [queries!.shape],
        numbers,
        groups: groupsOf(queryCount),
      })[0]!
      if (before !== undefined) backend.disposeData(before.dataId)
      return launch(keyGrad(one), {
        inputs: given,
        outputs: [keys.shape, keys.shape],
        numbers,
        groups: groupsOf(sizeOf(keys.shape) / form.head.width),
      })
    })
    backend.disposeData(facts!.dataId)
    return [dq!, ...grads]
  }
