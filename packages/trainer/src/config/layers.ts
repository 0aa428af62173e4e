import { either as E } from 'fp-ts'
import { isAlias, isMap, isNode, LineCounter, parse, parseDocument, type Node } from 'yaml'
import { badInput, type TrainError } from '../errors.ts'

/** One value somebody gave: a dotted key, the value, and where it was given, for error messages. */
export interface Given {
  readonly key: string
  readonly value: unknown
  readonly where: string
  /** The text behind the value, where it came from an argument: `output_dir=7` is a folder name, not a number. */
  readonly raw?: string
}

/**
 * The leaves of a YAML or JSON text (JSON is YAML), each with its line.
 * Left: syntax error with file and line, or a top level that is not a group of keys.
 */
export const givenInText = (text: string, file: string): E.Either<TrainError, ReadonlyArray<Given>> => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const error = document.errors[0]
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0])
    return E.left(badInput(`${file} line ${line}, column ${col}: ${oneLine(error.message)}.`))
  }
  const root = document.contents
  if (root === null) return E.right([])
  if (!isMap(root)) return E.left(badInput(`${file} must be a group of "key: value" lines.`))
  const out: Array<Given> = []
  const walk = (node: unknown, path: ReadonlyArray<string>, line: number): void => {
    const target = isAlias(node) ? node.resolve(document) : node
    if (isMap(target) && target.items.length > 0) {
      for (const pair of target.items) {
        const key = pair.key as Node
        walk(pair.value, [...path, String(key)], key.range ? lines.linePos(key.range[0]).line : line)
      }
      return
    }
    const value = isNode(target) ? (target.toJS(document) as unknown) : (target ?? null)
    out.push({ key: path.join('.'), value, where: `${file} line ${line}` })
  }
  walk(root, [], 1)
  return E.right(out)
}

/** The leaves of a plain tree, all with one origin. */
export const givenInTree = (tree: object, where: string): ReadonlyArray<Given> =>
  Object.entries(tree).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? givenInTree(value, where).map((given) => ({ ...given, key: `${key}.${given.key}` }))
      : [{ key, value, where }],
  )

/** A `key=value` argument; the value is read as YAML, so `1e-6`, `true`, `[0.1, 0.2, 0.7]` and bare words all mean what they look like. */
export const givenInArgument = (argument: string): E.Either<TrainError, Given> => {
  const at = argument.indexOf('=')
  if (at < 1) {
    return E.left(badInput(`Argument '${argument}' is not of the form key=value, e.g. learning_rate=1e-5.`))
  }
  const raw = argument.slice(at + 1)
  try {
    return E.right({ key: argument.slice(0, at), value: parse(raw) as unknown, where: 'command line', raw })
  } catch (thrown) {
    return E.left(
      badInput(`Argument '${argument}': the value is not YAML (${oneLine(String(thrown))}); put it in quotes.`),
    )
  }
}

const oneLine = (message: string): string => message.split('\n')[0]!.replace(/[.:]\s*$/, '')
