import fc from 'fast-check'
import type { HostTensor, Ids } from '../../ops/tensorOps.ts'
import { fixedTensor, ids, tensor, type Grid } from '../arbitraries.ts'
import type { Case } from '../evaluate.ts'
import type { Operation } from './operation.ts'

const embeddingCase = (table: HostTensor, chosen: Ids): Case => ({
  label: `embedding of ${chosen.length} ids in [${table.shape}]`,
  inputs: [table],
  program: (ops, [input]) => ops.embedding(input!, chosen),
})

const logprobCase = (logits: HostTensor, chosen: Ids): Case => ({
  label: `log-probs of ${chosen.length} ids in [${logits.shape}]`,
  inputs: [logits],
  program: (ops, [input]) => ops.selectiveLogSoftmax(input!, chosen).logprob,
})

const entropyCase = (logits: HostTensor, chosen: Ids): Case => ({
  label: `entropies of [${logits.shape}]`,
  inputs: [logits],
  program: (ops, [input]) => ops.selectiveLogSoftmax(input!, chosen).entropy,
})

const rows = (
  make: (table: HostTensor, chosen: Ids) => Case,
  { maxRows, square }: { readonly maxRows: number; readonly square: boolean },
): fc.Arbitrary<Case> =>
  fc
    .tuple(fc.integer({ min: 1, max: maxRows }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
    .chain(([count, a, b]) =>
      // A table has as many rows as it likes; logits have one for each id.
      square ? fc.tuple(tensor([count, b]), ids(count, b)) : fc.tuple(tensor([a, b]), ids(count, a)),
    )
    .map(([table, chosen]) => make(table, chosen))

const wide: Grid = { lo: -30, hi: 30 }
const spread = Array.from({ length: 40 }, (_, i) => (i * 37) % 300)

/** Rows at both ends of what a policy gives: nearly certain, far from 0, flat. */
const extreme: HostTensor = { shape: [4, 3], data: [80, 0, -80, 1000, 1001, 999, -1000, -1000, -1000, 0, 0, 0] }

export const rowOperations: ReadonlyArray<Operation> = [
  {
    name: 'embedding',
    values: {
      random: rows(embeddingCase, { maxRows: 8, square: false }),
      fixed: [
        embeddingCase(fixedTensor([300, 64]), Int32Array.from(spread)),
        embeddingCase(fixedTensor([5, 3]), [4, 4, 0, 4]),
      ],
    },
    smooth: {
      random: rows(embeddingCase, { maxRows: 6, square: false }),
      // A repeated id gets the sum of its rows' cotangents, an absent one 0.
      fixed: [embeddingCase(fixedTensor([4, 3]), [2, 0, 2, 2, 3])],
    },
  },
  {
    name: 'selectiveLogSoftmax',
    values: {
      random: rows(logprobCase, { maxRows: 6, square: true }),
      fixed: [
        logprobCase(fixedTensor([40, 300], wide), Int32Array.from(spread)),
        logprobCase(fixedTensor([1, 300]), [299]),
        logprobCase(extreme, [1, 2, 0, 1]),
      ],
    },
    smooth: {
      random: rows(logprobCase, { maxRows: 5, square: true }),
      fixed: [logprobCase(fixedTensor([4, 7]), [6, 0, 3, 3])],
    },
  },
  {
    name: 'selectiveLogSoftmax entropy',
    values: {
      random: rows(entropyCase, { maxRows: 6, square: true }),
      fixed: [entropyCase(fixedTensor([40, 300], wide), spread), entropyCase(extreme, [1, 2, 0, 1])],
    },
  },
]
