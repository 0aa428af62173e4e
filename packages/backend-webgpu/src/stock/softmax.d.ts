import type { Tf } from '@durian/backend-tfjs'
import type { KernelBody } from '../registry.ts'
/** Stock softmax gives 0 beside a NaN, so a policy that has gone wrong looks like a sure one. */
export declare const softmax: (tf: Tf) => KernelBody
//# sourceMappingURL=softmax.d.ts.map
