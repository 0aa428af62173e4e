import type { JsonSchema } from './codecs.ts'
import { easyR1Names } from './easyr1.ts'
import { trainFields } from './fields.ts'
import { presetNames } from './presets.ts'
import { aliases, multiObjective, scaleRewards } from './resolveConfig.ts'
import { REQUIRED, type Entry, type Fields } from './table.ts'

const schemaOfEntry = (entry: Entry): JsonSchema => {
  if (entry._tag === 'field') {
    const fallback = entry.default === REQUIRED ? {} : { default: entry.default }
    return { description: entry.description, ...entry.codec.schema, ...fallback }
  }
  const group = schemaOfFields(entry.fields)
  return { description: entry.description, ...group, ...(entry.optional ? { type: ['object', 'null'] } : {}) }
}

const schemaOfFields = (fields: Fields): JsonSchema => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(Object.entries(fields).map(([key, entry]) => [key, schemaOfEntry(entry)])),
})

/** EasyR1's dotted names as nested groups. */
const easyR1Groups = (): Record<string, JsonSchema> => {
  interface Group {
    type: 'object'
    additionalProperties: false
    properties: Record<string, JsonSchema | Group>
  }
  const root: Group = { type: 'object', additionalProperties: false, properties: {} }
  for (const [name, { to, note }] of Object.entries(easyR1Names)) {
    const path = name.split('.')
    let group = root
    for (const part of path.slice(0, -1)) {
      group.properties[part] ??= { type: 'object', additionalProperties: false, properties: {} }
      group = group.properties[part] as Group
    }
    group.properties[path.at(-1)!] = { description: `EasyR1's name of ${to}${note === undefined ? '' : ` (${note})`}.` }
  }
  return root.properties as Record<string, JsonSchema>
}

/**
 * JSON Schema (2020-12) of a config file, for completion and checks in editors. Nothing is required in it: a preset
 * or the command line may say what the file leaves out.
 */
export const configSchema = (): JsonSchema => {
  const own = schemaOfFields(trainFields)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Durian training configuration',
    ...own,
    properties: {
      preset: { description: 'Starting point whose values the other keys change.', enum: [...presetNames, null] },
      ...(own['properties'] as object),
      ...Object.fromEntries(
        Object.entries(aliases).map(([name, key]) => [name, { description: `Other name of ${key}.`, type: 'string' }]),
      ),
      scale_rewards: {
        description: "TRL's name for the estimators grpo (group), batch (batch) and dr_grpo (none).",
        enum: [...Object.keys(scaleRewards), true, false],
      },
      multi_objective_aggregation: {
        description: "TRL's name for what becomes of several rewards: normalize_then_sum is the estimator gdpo.",
        enum: Object.keys(multiObjective),
      },
      ...easyR1Groups(),
    },
  }
}
