import { describe, expect, it } from 'vitest'
import { engineLine } from './engineLine.ts'

const backend = { info: { backend: 'wasm', description: 'tfjs-backend-wasm 4.22.0' } }

describe('the line on the engine', () => {
  it('says why it was taken and what else there is', () => {
    const passedOver = [
      { name: 'tfjs-node-gpu', reason: 'tfjs-node-gpu is not installed', mend: 'x' },
      { name: 'tfjs-node', reason: 'tfjs-node is not installed', mend: 'durian setup tensorflow' },
    ]
    expect(engineLine({ backend, engine: 'wasm', passedOver }, 'auto')).toBe(
      'Backend: tfjs-backend-wasm 4.22.0 (the first of --backend auto that works here; tfjs-node is not installed; ' +
        'faster: durian setup tensorflow)',
    )
    expect(engineLine({ backend, engine: 'wasm', passedOver: [] }, 'wasm')).toContain('asked for by --backend wasm')
    expect(engineLine({ backend, engine: 'tfjs-node', passedOver: passedOver.slice(0, 1) }, 'auto')).toContain(
      '(tfjs-node, the first',
    )
  })
})
