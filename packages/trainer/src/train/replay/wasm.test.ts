import { openNodeBackend } from '@durian/backend-node'
import { describeReplay } from './describeReplay.ts'

const opened = await openNodeBackend({ prefer: 'wasm' })()
describeReplay({ name: 'WASM', opened })
