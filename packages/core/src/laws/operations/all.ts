import { elementwiseOperations } from './elementwise.ts'
import { layoutOperations } from './layout.ts'
import { matmulOperation } from './matmul.ts'
import type { Operation } from './operation.ts'
import { reduceOperations } from './reduce.ts'
import { rowOperations } from './rows.ts'

/** Every primitive of the algebra. */
export const operations: ReadonlyArray<Operation> = [
  ...elementwiseOperations,
  ...reduceOperations,
  matmulOperation,
  ...layoutOperations,
  ...rowOperations,
]
