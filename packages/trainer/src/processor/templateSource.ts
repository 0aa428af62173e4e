import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { readJson } from '../policy/files.ts'

export interface TemplateSource {
  readonly jinja: string
  /** The file it stands in. */
  readonly path: string
}

const record = (u: unknown): Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null ? (u as Readonly<Record<string, unknown>>) : {}

/** One template, or the one named "default" of a list of {name, template}. */
const defaultOf = (templates: unknown): string | undefined => {
  const one = Array.isArray(templates)
    ? templates.map(record).find(({ name }) => name === 'default')?.['template']
    : templates
  return typeof one === 'string' ? one : undefined
}

/**
 * The chat template of a model folder: of chat_template.jinja, else chat_template.json, else tokenizer_config.json, which is the order in
 * which transformers' processors look (transformers@v4.49 processing_utils.py, get_processor_dict; tokenization_utils_base.py).
 *
 * @param tokenizerConfig - parsed tokenizer_config.json
 */
export const templateSource = (dir: string, tokenizerConfig: unknown): TE.TaskEither<TrainError, TemplateSource> =>
  attempt(async (take) => {
    const jinja = join(dir, 'chat_template.jinja')
    if (existsSync(jinja)) return { jinja: await readFile(jinja, 'utf8'), path: jinja }
    const json = join(dir, 'chat_template.json')
    const own = existsSync(json) ? defaultOf(record(await take(readJson(json)))['chat_template']) : undefined
    if (own !== undefined) return { jinja: own, path: json }
    const inline = defaultOf(record(tokenizerConfig)['chat_template'])
    if (inline !== undefined) return { jinja: inline, path: join(dir, 'tokenizer_config.json') }
    return take(
      E.left(badInput(`${dir}: no chat template in chat_template.jinja, chat_template.json or tokenizer_config.json.`)),
    )
  })
