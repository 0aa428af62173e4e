import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configJson, generationConfigJson, preprocessorConfigJson } from './modelFiles.ts'
import { tokenizerConfigJson, tokenizerJson } from './tokenizerFiles.ts'

/** The demo policy's directory in the Hub's layout, all but the weights: file name to text. */
export const demoModelFiles: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    'config.json': configJson,
    'generation_config.json': generationConfigJson,
    'preprocessor_config.json': preprocessorConfigJson,
    'tokenizer.json': tokenizerJson,
    'tokenizer_config.json': tokenizerConfigJson,
  }).map(([name, content]) => [name, `${JSON.stringify(content, null, 2)}\n`]),
)

/** Writes the files into `directory`, which is made if absent; other files there, the weights among them, stay. */
export const makeDemoModel = async (directory: string): Promise<void> => {
  await mkdir(directory, { recursive: true })
  for (const [name, text] of Object.entries(demoModelFiles)) await writeFile(join(directory, name), text)
}
