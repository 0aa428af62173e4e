import { zeros } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'

/** A programmer's mistake that every backend must refuse. */
export interface Misuse {
  readonly name: string
  readonly program: <T>(ops: TensorOps<T>) => T
}

export const misuses: ReadonlyArray<Misuse> = [
  { name: 'data of another length than the shape', program: (ops) => ops.fromHost({ shape: [2, 2], data: [1, 2, 3] }) },
  { name: 'add of shapes that do not broadcast', program: (ops) => ops.add(zeros(ops, [2, 3]), zeros(ops, [2, 4])) },
  { name: 'matmul of different inner sizes', program: (ops) => ops.matmul(zeros(ops, [2, 3]), zeros(ops, [4, 2])) },
  {
    name: 'matmul of a transposed operand with different inner sizes',
    program: (ops) => ops.matmul(zeros(ops, [2, 3]), zeros(ops, [3, 2]), { transposeB: true }),
  },
  { name: 'matmul of different ranks', program: (ops) => ops.matmul(zeros(ops, [2, 2, 3]), zeros(ops, [3, 2])) },
  {
    name: 'matmul of different leading axes',
    program: (ops) => ops.matmul(zeros(ops, [1, 2, 3]), zeros(ops, [4, 3, 2])),
  },
  { name: 'sum over an axis that is not there', program: (ops) => ops.sum(zeros(ops, [2, 3]), 2) },
  { name: 'reshape to another size', program: (ops) => ops.reshape(zeros(ops, [2, 3]), [4]) },
  { name: 'transpose by no permutation', program: (ops) => ops.transpose(zeros(ops, [2, 3]), [0, 0]) },
  { name: 'slice past the end', program: (ops) => ops.slice(zeros(ops, [2, 3]), [1, 1], [1, 3]) },
  {
    name: 'concat of different other axes',
    program: (ops) => ops.concat([zeros(ops, [2, 3]), zeros(ops, [3, 3])], 1),
  },
  { name: 'embedding of an id outside the table', program: (ops) => ops.embedding(zeros(ops, [4, 2]), [0, 4]) },
  {
    name: 'selectiveLogSoftmax of an id outside the row',
    program: (ops) => ops.selectiveLogSoftmax(zeros(ops, [2, 3]), [0, 3]).logprob,
  },
  {
    name: 'selectiveLogSoftmax of another number of ids than rows',
    program: (ops) => ops.selectiveLogSoftmax(zeros(ops, [2, 3]), [0]).logprob,
  },
]
