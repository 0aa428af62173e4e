import { join } from 'node:path'
import { ESLint } from 'eslint'
import { beforeAll, describe, expect, it } from 'vitest'
import { root } from '../lib/process.mjs'

/**
 * Each line is code that must not pass, in the place of a file that exists (rules with types need one in the project).
 * `ok` marks the nearest code that must pass, so that a rule cannot bite everything.
 */
const core = 'packages/core/src/num/vec.ts'
const laws = 'packages/core/src/laws/law.ts'
const codec = 'packages/core/src/codec/index.ts'
const adapter = 'packages/backend-tfjs/src/index.ts'
const node = 'packages/backend-node/src/index.ts'
const webgpu = 'packages/backend-webgpu/src/open.ts'
const dawn = 'packages/backend-webgpu/src/node.ts'
const trainer = 'packages/trainer/src/effect.ts'
const cli = 'packages/trainer/src/cli/main.ts'

const imports = '@typescript-eslint/no-restricted-imports'
const forbidden = [
  [core, 'Math.random', 'export const x = Math.random()', 'no-restricted-properties'],
  [trainer, 'Math.random', 'export const x = Math.random()', 'no-restricted-properties'],
  [core, 'the clock', 'export const now = Date.now()', 'no-restricted-globals'],
  [core, 'process', 'export const x = process.env', 'no-restricted-globals'],
  [core, 'console', "console.log('x')", 'no-restricted-globals'],
  [core, 'timers', 'setTimeout(() => {}, 1)', 'no-restricted-globals'],
  [core, 'performance', 'export const t = performance.now()', 'no-restricted-globals'],
  [core, 'fetch', "export const r = fetch('x')", 'no-restricted-globals'],
  [core, 'a way around through globalThis', 'export const x = globalThis.process', 'no-restricted-globals'],
  [core, 'node:*', "import { readFileSync } from 'node:fs'\nexport const x = readFileSync", imports],
  [core, 'tfjs', "import * as tf from '@tensorflow/tfjs-core'\nexport const x = tf", imports],
  [core, 'fp-ts beside its door', "import { either } from 'fp-ts'\nexport const x = either", imports],
  [core, 'io-ts outside codec', "import * as t from 'io-ts'\nexport const x = t", imports],
  [core, 'fast-check outside laws', "import fc from 'fast-check'\nexport const x = fc", imports],
  [core, 'loading at run time', "export const x = import('fp-ts')", 'no-restricted-syntax'],
  [core, 'a sibling', "import { train } from '@durian/trainer'\nexport const x = train", imports],
  [codec, 'a sibling', "import { train } from '@durian/trainer'\nexport const x = train", imports],
  [laws, 'a sibling', "import { train } from '@durian/trainer'\nexport const x = train", imports],
  [adapter, 'a backend', "import { x } from '@durian/backend-node'\nexport const y = x", imports],
  [adapter, 'loading tfjs itself', "import * as tf from '@tensorflow/tfjs-core'\nexport const x = tf", imports],
  [node, 'the trainer', "import { x } from '@durian/trainer'\nexport const y = x", imports],
  [webgpu, 'the trainer', "import { x } from '@durian/trainer'\nexport const y = x", imports],
  [webgpu, 'node:*', "import { readFileSync } from 'node:fs'\nexport const x = readFileSync", imports],
  [webgpu, 'Dawn', "import { create } from 'webgpu'\nexport const x = create", imports],
  [webgpu, 'process', 'export const x = process.env', 'no-restricted-globals'],
  [trainer, 'a backend', "import { x } from '@durian/backend-node'\nexport const y = x", imports],
  [trainer, 'tfjs', "import * as tf from '@tensorflow/tfjs-core'\nexport const x = tf", imports],
  [cli, 'the private adapter of the backends', "import { x } from '@durian/backend-tfjs'\nexport const y = x", imports],
  [cli, "another package's src", "import { x } from '@durian/core/src/num/vec.ts'\nexport const y = x", imports],
  [
    cli,
    "another package's dist by path",
    "import { x } from '../../../core/dist/index.js'\nexport const y = x",
    imports,
  ],
  [trainer, 'folder imports of fp-ts', "import * as E from 'fp-ts/Either'\nexport const x = E", imports],
  [trainer, 'any', 'export const x = (y: any) => y', '@typescript-eslint/no-explicit-any'],
  [trainer, 'default exports', 'export default 1', 'no-restricted-syntax'],
  [
    trainer,
    'promises nobody waits for',
    'export const f = () => { Promise.resolve(1) }',
    '@typescript-eslint/no-floating-promises',
  ],
  [
    trainer,
    'types imported as values',
    "import { TrainError } from './errors.ts'\nexport type X = TrainError",
    '@typescript-eslint/consistent-type-imports',
  ],
]

const allowed = [
  ['packages/core/src/fp.ts', 'the door to fp-ts', "export { either as E } from 'fp-ts'"],
  [codec, 'io-ts in codec', "import * as t from 'io-ts'\nexport const x = t.string"],
  [laws, 'fast-check in laws', "import fc from 'fast-check'\nexport const x = fc"],
  [adapter, 'the types of tfjs', "import type { Tensor } from '@tensorflow/tfjs-core'\nexport type X = Tensor"],
  [adapter, 'core', "import { ShapeError } from '@durian/core'\nexport const x = ShapeError"],
  [node, 'the adapter', "import * as adapter from '@durian/backend-tfjs'\nexport const x = adapter"],
  [dawn, 'Node', "import { existsSync } from 'node:fs'\nexport const x = [existsSync, process.env]"],
  [webgpu, 'tfjs', "import * as tf from '@tensorflow/tfjs-core'\nexport const x = tf"],
  [cli, 'a backend', "import * as node from '@durian/backend-node'\nexport const x = node"],
  [trainer, 'core', "import * as core from '@durian/core'\nexport const x = core"],
]

describe('the lint rules', () => {
  let eslint
  beforeAll(() => {
    eslint = new ESLint({ cwd: root })
  })
  const rulesBroken = async (file, code) => {
    const [result] = await eslint.lintText(`${code}\n`, { filePath: join(root, file) })
    return result.messages.map((message) => message.ruleId ?? message.message)
  }

  it.each(forbidden)('refuse in %s: %s', async (file, _, code, rule) => {
    expect(await rulesBroken(file, code)).toContain(rule)
  })

  it.each(allowed)('allow in %s: %s', async (file, _, code) => {
    expect(await rulesBroken(file, code)).toEqual([])
  })

  it('let tests of core read files, and still not draw unseeded numbers', async () => {
    const test = 'packages/core/src/num/quantile.test.ts'
    expect(await rulesBroken(test, "import { readFileSync } from 'node:fs'\nexport const x = readFileSync")).toEqual([])
    expect(await rulesBroken(test, 'export const x = Math.random()')).toContain('no-restricted-properties')
  })
})
