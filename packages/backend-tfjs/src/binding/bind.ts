import type { Backend, BackendError, ConfidenceKind, DurianOptions, Ids, TokenScores } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { durianAdvantages, type DeviceAdvantages, type DeviceSamples } from './advantages.ts'
import { confidences, tokenLogprobs } from './confidence.ts'
import { visualEntropy } from './visualEntropy.ts'

/** The paper's quantities on one backend's tensors. */
export interface PaperQuantities<T> {
  /** Features [P, d] to nats (paper, eq. 5-9). */
  readonly visualEntropy: (features: T) => TE.TaskEither<BackendError, number>
  /** Logits [N, V] and N ids to log-probs and entropies [N], nats. */
  readonly tokenLogprobs: (logits: T, ids: Ids, options: { readonly temperature: number }) => TokenScores<T>
  /** Log-probs and mask [B, G, T] to [B], nats (paper, eq. 14-15). */
  readonly confidences: (logprobs: T, mask: T, kind: ConfidenceKind) => T
  /** Rewards [B, G] to advantages [B, G] (paper, eq. 10-20). */
  readonly durianAdvantages: (
    samples: DeviceSamples<T>,
    options: DurianOptions,
  ) => TE.TaskEither<BackendError, DeviceAdvantages<T>>
}

/** Bind the paper's quantities to a backend: what a user with features, logits or rewards on a device needs, and nothing else. */
export const paperQuantities = <T>(backend: Backend<T>): PaperQuantities<T> => ({
  visualEntropy: visualEntropy(backend),
  tokenLogprobs: tokenLogprobs(backend.ops),
  confidences: confidences(backend.ops),
  durianAdvantages: durianAdvantages(backend),
})
