import { visualEntropy, type Matrix } from '@durian/core'
import type { either as E } from 'fp-ts'
import type { Row } from '../data/types.ts'
import type { TrainError } from '../errors.ts'
import type { EncodedPrompt } from '../policy/types.ts'
import { encodePrompt, type PromptSource } from '../processor/encodePrompt.ts'
import type { Processor } from '../processor/loadProcessor.ts'

/** A chunk of the host's work as it travels to a worker. */
export type HostTask =
  | { readonly kind: 'encode'; readonly items: ReadonlyArray<PromptSource> }
  | { readonly kind: 'entropy'; readonly items: ReadonlyArray<Matrix> }

/** The answers to a chunk, in its order. */
export interface HostAnswers {
  readonly encode: ReadonlyArray<E.Either<TrainError, EncodedPrompt>>
  readonly entropy: ReadonlyArray<number>
}

/** Items a chunk; they depend on nothing, so the same items lie in the same chunk for any number of workers. */
export const chunkSizes = { encode: 8, entropy: 4 } as const

/** A chunk done where this is called: every item by itself, so that its result depends on no other. */
export const doHostTask = async (processor: Processor, task: HostTask): Promise<HostAnswers[keyof HostAnswers]> => {
  switch (task.kind) {
    case 'encode': {
      const answers: Array<E.Either<TrainError, EncodedPrompt>> = []
      for (const item of task.items) answers.push(await encodePrompt(processor)(item)())
      return answers
    }
    case 'entropy':
      return task.items.map(visualEntropy)
  }
}

/** Only what a prompt is made of, with pictures that own their bytes: a view would drag the whole data file along. */
export const promptSource = ({ id, problem, messages, images }: Row): PromptSource => ({
  id,
  problem,
  ...(messages === undefined ? {} : { messages }),
  images: images.map((bytes) => Uint8Array.from(bytes)),
})
