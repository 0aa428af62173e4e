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

/**
 * The large arrays of a task or an answer, to be handed over instead of copied. Both own them: `promptSource` and `entropies` copy what they send,
 * and a worker keeps nothing.
 */
export const largeBuffers = (sent: HostTask | HostAnswers[keyof HostAnswers]): ReadonlyArray<ArrayBuffer> => {
  const found = new Set<ArrayBuffer>()
  const visit = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) {
      // a small one may share its buffer with others
      if (value.byteLength === value.buffer.byteLength && value.buffer instanceof ArrayBuffer) found.add(value.buffer)
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit)
  }
  visit(sent)
  return [...found]
}

/** Only what a prompt is made of, with pictures that own their bytes: a view would drag the whole data file along. */
export const promptSource = ({ id, problem, messages, images }: Row): PromptSource => ({
  id,
  problem,
  ...(messages === undefined ? {} : { messages }),
  images: images.map((bytes) => Uint8Array.from(bytes)),
})
