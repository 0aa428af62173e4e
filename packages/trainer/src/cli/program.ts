import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { commands, type CommandEntry } from './commands.ts'

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string })
    .version

/** Flags are TRL's snake_case; dashes are taken too: `--output-dir x` is `--output_dir x`. */
export const withUnderscores = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = argv.indexOf('--')
  return argv.map((argument, i) => {
    if (!argument.startsWith('--') || (end >= 0 && i >= end)) return argument
    const [name, ...value] = argument.slice(2).split('=')
    return ['--' + name!.replaceAll('-', '_'), ...value].join('=')
  })
}

/** The command that the arguments name: `durian report …` or `durian help report`. */
const chosen = (argv: ReadonlyArray<string>): CommandEntry | undefined => {
  const words = argv.filter((argument) => !argument.startsWith('-'))
  const word = words[0] === 'help' ? words[1] : words[0]
  return commands.find(({ name, alias }) => word !== undefined && (word === name || word === alias))
}

/** One sentence out of commander's message. */
const plain = (message: string): string => {
  const text = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace('(Did you mean', '(did you mean')
    .trim()
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.?$/, '.')}\n`
}

const settings = (command: Command): Command =>
  command
    .exitOverride()
    .configureOutput({ outputError: (message, write) => write(plain(message)) })
    .configureHelp({ sortSubcommands: false, helpWidth: 100 })

/** Commands made by `register` functions inherit the settings of the program only if they are copied. */
const settle = (command: Command): void => {
  for (const sub of command.commands) settle(settings(sub))
}

/**
 * The `durian` command. Loads the module of the one command that is called.
 *
 * @param argv - arguments behind the script's name
 * @returns undefined when the command ran (it has set `process.exitCode` itself if it failed), else the exit code
 */
export const runProgram = async (argv: ReadonlyArray<string>): Promise<number | undefined> => {
  const program = settings(new Command('durian'))
    .description('Reinforcement learning with verifiable rewards for vision-language models.')
    .version(version(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .option('--debug', 'show stack traces')
  const entry = chosen(argv)
  for (const { name, alias, summary, load } of commands) {
    if (entry?.name === name) (await load())(program)
    else {
      const stub = program.command(name).summary(summary).description(summary)
      if (alias !== undefined) stub.alias(alias)
    }
  }
  settle(program)
  if (argv.length === 0) {
    program.outputHelp()
    return 0
  }
  try {
    const flags = withUnderscores(argv)
    await program.parseAsync(entry?.rewrite === undefined ? flags : await entry.rewrite(flags), { from: 'user' })
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    return thrown.exitCode === 0 ? 0 : 2
  }
}
