import { trainFields } from '../config/fields.ts'
import { leaves } from '../config/table.ts'

/** Flags that commander knows: those `durian train` declares, and the program's own. */
const own = new Set([
  'version',
  'config',
  'backend',
  'seed',
  'output_dir',
  'resume',
  'dry_run',
  'from_scratch',
  'debug',
  'help',
])

/** Keys that take true and false, and so need no value as a flag. */
const switches = new Set(
  leaves(trainFields).flatMap(({ key, field }) => (field.codec.schema['type'] === 'boolean' ? [key] : [])),
)

/** Whether a flag's value is the next argument: not when a flag follows, or when the key takes true and false and neither is said. */
const takesNext = (isSwitch: boolean, next: string | undefined): next is string =>
  next !== undefined && (isSwitch ? next === 'true' || next === 'false' : !next.startsWith('--'))

/**
 * TRL's habit: `--num_generations 4`, `--durian.weights=[1,0,0]` and `--freeze_vision_tower` become `key=value` arguments.
 * So do flags that nobody knows: the configuration refuses them with the nearest key.
 */
export const withKeyFlags = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? []
    if (name === undefined || own.has(name)) out.push(argument)
    else if (value !== undefined) out.push(`${name}=${value}`)
    else if (takesNext(switches.has(name), argv[i + 1])) out.push(`${name}=${argv[++i]!}`)
    else out.push(`${name}=true`)
  }
  return out
}
