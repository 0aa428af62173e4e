// Draws the rollouts of goldens/replay.json on WASM. After a build: node packages/trainer/goldens/replay.mjs
import { writeFileSync } from 'node:fs'
import { openNodeBackend } from '@durian/backend-node'
import { record } from '../dist/train/replay/testing.js'

const opened = await openNodeBackend({ prefer: 'wasm' })()
if (opened._tag === 'Left') throw new Error(opened.left.reason)
const recording = await record(opened.right.backend)
writeFileSync(new URL('./replay.json', import.meta.url), `${JSON.stringify(recording)}\n`)
