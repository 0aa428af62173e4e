import type { Tf } from '@durian/backend-tfjs'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import type { KernelBody } from '../registry.ts'
/**
 * Rows of dy added up into the rows of the table they came from: [N, d] -> [V, d], one thread a number, in the order of the ids. Stock
 * `UnsortedSegmentSum` adds with atomics: another order, and other last bits, each time. The host knows the ids, so it sorts them.
 */
export declare const embeddingGrad: (tf: Tf, backend: WebGPUBackend) => KernelBody
//# sourceMappingURL=embeddingGrad.d.ts.map
