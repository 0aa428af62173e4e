import { either as E, type taskEither as TE } from 'fp-ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { type LoadedAdapter, loadAdapter } from '../policy/adapterFiles.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { adaptedModules, initialAdapters } from '../policy/lora.ts'

/**
 * The adapter a run starts with: fresh, or read from `lora.adapter_name_or_path`; null when the weights themselves are trained.
 *
 * @param baseModel - folder of the model beneath it, for its config
 */
export const startingAdapter = (
  { lora, seed, freeze_vision_tower: freeze }: Pick<TrainConfig, 'lora' | 'seed' | 'freeze_vision_tower'>,
  policy: PolicyConfig,
  baseModel: string,
): TE.TaskEither<TrainError, LoadedAdapter | null> =>
  attempt(async (take) => {
    if (lora === null) return null
    if (lora.adapter_name_or_path !== null) {
      const loaded = await take(loadAdapter(lora.adapter_name_or_path, policy))
      return { ...loaded, facts: { ...loaded.facts, base_model_name_or_path: baseModel } }
    }
    const matched = await take(E.mapLeft((reason: string) => badInput(`${reason}.`))(adaptedModules(policy, lora)))
    const modules = freeze ? matched.filter((name) => !name.startsWith('visual.')) : matched
    if (modules.length === 0)
      return take<never>(
        E.left(
          badInput(
            'lora.target_modules names only linears of the vision encoder, which freeze_vision_tower holds still.',
          ),
        ),
      )
    const { adapter_name_or_path: _, ...facts } = lora
    return {
      facts: { ...facts, base_model_name_or_path: baseModel },
      modules,
      tensors: initialAdapters(policy, modules, { ...lora, seed }),
    }
  })
