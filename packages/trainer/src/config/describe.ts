import { easyR1Names } from './easyr1.ts'
import { trainFields } from './fields.ts'
import { presets } from './presets.ts'
import { aliases, multiObjective, scaleRewards } from './resolveConfig.ts'
import { leaves, REQUIRED, type Field } from './table.ts'

const fallback = (field: Field<unknown>): string =>
  field.default === REQUIRED ? 'required' : JSON.stringify(field.default)

/** Every key with its default and one line, for `durian train --help`. */
export const configHelp = (): string => {
  const rows = leaves(trainFields).map(({ key, field }) => [`${key}=${fallback(field)}`, field.description] as const)
  return [
    'Keys of the configuration, with their defaults (in --config, as key=value, or as --key value):',
    ...rows.map(([key, text]) => `  ${key}\n      ${text}`),
  ].join('\n')
}

const cell = (text: string): string => text.replaceAll('|', '\\|')
const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

/** docs/config.md. */
export const configMarkdown = (): string => {
  const keys = leaves(trainFields).map(({ key, field }) => [
    `\`${key}\``,
    fallback(field) === 'required' ? 'required' : `\`${fallback(field)}\``,
    field.codec.expected,
    field.description,
  ])
  const names = Object.entries(easyR1Names).map(([name, { to, note }]) => [`\`${name}\``, `\`${to}\``, note ?? ''])
  const starts = Object.entries(presets).map(([name, { description, values }]) => [
    `\`${name}\``,
    description,
    Object.entries(values)
      .map(([key, value]) => `\`${key}: ${JSON.stringify(value)}\``)
      .join(', '),
  ])
  return `<!-- Made from packages/trainer/src/config/fields.ts; a test keeps it true. -->

# Configuration

A file is YAML or JSON. What it leaves out has the default below; \`preset\` picks another starting point; \`key=value\`
and \`key.sub=value\` arguments of \`durian train\` go over the file. Values of arguments are YAML. Unknown keys are errors.
Names are TRL's. \`docs/durian.schema.json\` is the JSON Schema: put \`# yaml-language-server: $schema=…/durian.schema.json\`
into the first line of a file and an editor completes and checks it.

## Keys

${table(['key', 'default', 'takes', 'what it is'], keys)}

One step draws \`generation_batch_size\` completions and makes
\`generation_batch_size / (per_device_train_batch_size x gradient_accumulation_steps) x num_iterations\` optimiser steps.
\`max_steps\` counts rollout batches; TRL's counts optimiser steps.

## Other names

${Object.entries(aliases)
  .map(([name, key]) => `- \`${name}\` is \`${key}\`.`)
  .join('\n')}
- \`scale_rewards\` (TRL) is an estimator: ${Object.entries(scaleRewards)
    .map(([word, estimator]) => `\`${word}\` is \`${estimator}\``)
    .join(', ')}. Naming both is an error unless they agree.
- \`multi_objective_aggregation\` (TRL): ${Object.entries(multiObjective)
    .map(([word, estimator]) => `\`${word}\` is ${estimator === null ? 'what the estimators do' : `\`${estimator}\``}`)
    .join(', ')}.

A key that nothing reads beside the others (a clip with a loss that does not clip) is an error where it was written, and falls back to its
default where a preset brought it. [coming-from.md](coming-from.md) goes through the options of TRL and EasyR1 one by one.

EasyR1's names work in files (nested) and as arguments (dotted). Its other keys have no counterpart and are errors.

${table(['EasyR1', 'here', ''], names)}

## Presets

Estimator, loss and penalty of a preset are those of core's preset of the same name.

${table(['preset', 'what it is', 'values'], starts)}

The paper's three-way weights (0.1, 0.2, 0.7) are one row of its table 3; the headline row of its table 1 takes the best
of each column of table 3 and is no single setting.
`
}
