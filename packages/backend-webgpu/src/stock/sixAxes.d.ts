import type { Tf } from '@durian/backend-tfjs'
import { type KernelBody } from '../registry.ts'
export declare const slice: (tf: Tf) => KernelBody
export declare const pad: (tf: Tf) => KernelBody
//# sourceMappingURL=sixAxes.d.ts.map
