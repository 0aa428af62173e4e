import { bindingLaws } from '@durian/backend-tfjs/laws'
import { either as E } from 'fp-ts'
import { describe, it } from 'vitest'
import { openNodeBackend } from './withNodeBackend.ts'

const opened = await openNodeBackend({ prefer: 'wasm' })()
if (E.isLeft(opened)) throw new Error(opened.left.reason)

describe("the paper's quantities on a device", () => {
  for (const law of bindingLaws(opened.right.backend)) it(`law: ${law.name}`, law.check)
})
