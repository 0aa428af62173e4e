import { trainFields } from '../config/fields.ts'
import { leaves } from '../config/table.ts'

/** Flags that `durian train` declares itself. */
const own = new Set(['config', 'backend', 'seed', 'output_dir', 'resume', 'dry_run', 'from_scratch', 'debug', 'help'])

/** Keys of a configuration that may be written as flags, and whether they take true and false. */
const keys = new Map<string, boolean>([
  ...leaves(trainFields).map(({ key, field }) => [key, field.codec.schema['type'] === 'boolean'] as const),
  ['dataset_name', false],
  ['scale_rewards', false],
  ['preset', false],
])

/**
 * TRL's habit: `--num_generations 4`, `--durian.weights=[1,0,0]` and `--freeze_vision_tower` become `key=value` arguments.
 * Flags that are no keys stay as they are, for commander to refuse.
 */
export const withKeyFlags = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? []
    const isFlag = name === undefined || own.has(name) ? undefined : keys.get(name)
    if (isFlag === undefined) out.push(argument)
    else if (value !== undefined) out.push(`${name}=${value}`)
    else if (isFlag && !['true', 'false'].includes(argv[i + 1] ?? '')) out.push(`${name}=true`)
    else if (argv[i + 1] === undefined) out.push(argument)
    else out.push(`${name}=${argv[++i]!}`)
  }
  return out
}
