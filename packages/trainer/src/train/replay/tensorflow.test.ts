import { openNodeBackend } from '@durian/backend-node'
import { describeReplay } from './describeReplay.ts'

// a file of its own, so a process of its own: tfjs's engine is global
const opened = await openNodeBackend({ prefer: 'tensorflow' })()
describeReplay({ name: 'TensorFlow', opened, requiredBy: 'DURIAN_REQUIRE_TENSORFLOW' })
