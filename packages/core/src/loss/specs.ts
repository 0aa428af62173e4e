import { fixedLength, sequenceMean, sequenceSum, tokenMean, type Aggregate } from './aggregate.ts'
import { cispo, type CispoRange } from './cispo.ts'
import { sapo, type SapoTemperatures } from './sapo.ts'
import { clipped, policyGradient, type ClipRange, type Surrogate } from './surrogate.ts'

/** A surrogate as data, for presets, checkpoints and reports. */
export type SurrogateSpec =
  | ({ readonly type: 'clipped' } & ClipRange)
  | ({ readonly type: 'cispo' } & CispoRange)
  | ({ readonly type: 'sapo' } & SapoTemperatures)
  | { readonly type: 'policy-gradient' }

/** An aggregate as data; `fixed-length` takes the longest completion from the run. */
export type AggregateSpec = 'sequence-mean' | 'token-mean' | 'sequence-sum' | 'fixed-length'

/** The surrogate of a spec. */
export const surrogateOf = (spec: SurrogateSpec): Surrogate => {
  switch (spec.type) {
    case 'clipped':
      return clipped(spec)
    case 'cispo':
      return cispo(spec)
    case 'sapo':
      return sapo(spec)
    case 'policy-gradient':
      return policyGradient
  }
}

/** The aggregate of a spec. */
export const aggregateOf = (
  spec: AggregateSpec,
  { maxCompletionLength }: { readonly maxCompletionLength: number },
): Aggregate => {
  switch (spec) {
    case 'sequence-mean':
      return sequenceMean
    case 'token-mean':
      return tokenMean
    case 'sequence-sum':
      return sequenceSum
    case 'fixed-length':
      return fixedLength(maxCompletionLength)
  }
}
