import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configJson, generationConfigJson, preprocessorConfigJson } from './modelFiles.ts'
import { tokenizerConfigJson, tokenizerJson } from './tokenizerFiles.ts'

const lineWidth = 120

/** JSON with two spaces, a list of plain values on one line where it fits: the form that the repository's formatter keeps. */
const jsonText = (content: unknown): string => {
  const tall = JSON.stringify(content, null, 2)
  const lists = /^( *)(.*)\[\n([^[\]{}]*)\n *\](,?)$/gm
  return `${tall.replace(lists, (whole: string, indent: string, key: string, items: string, comma: string) => {
    const wide = `${indent}${key}[${items
      .split('\n')
      .map((item) => item.trim())
      .join(' ')}]${comma}`
    return wide.length <= lineWidth ? wide : whole
  })}\n`
}

/** The demo policy's directory in the Hub's layout, all but the weights: file name to text. */
export const demoModelFiles: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    'config.json': configJson,
    'generation_config.json': generationConfigJson,
    'preprocessor_config.json': preprocessorConfigJson,
    'tokenizer.json': tokenizerJson,
    'tokenizer_config.json': tokenizerConfigJson,
  }).map(([name, content]) => [name, jsonText(content)]),
)

/** Writes the files into `directory`, which is made if absent; other files there, the weights among them, stay. */
export const makeDemoModel = async (directory: string): Promise<void> => {
  await mkdir(directory, { recursive: true })
  for (const [name, text] of Object.entries(demoModelFiles)) await writeFile(join(directory, name), text)
}
