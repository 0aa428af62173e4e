import { describe, expect, it } from 'vitest'
import { doctorText, nodeFinding } from './doctor.ts'

describe('durian doctor', () => {
  it('takes Node from 20.11 on', () => {
    expect(['v20.11.0', 'v20.20.2', 'v24.0.0'].map((version) => nodeFinding(version).state)).toEqual(['ok', 'ok', 'ok'])
    expect(nodeFinding('v20.10.9').state).toBe('broken')
    expect(nodeFinding('v18.20.0').mend).toContain('20.11')
  })
  it('lists the command that mends each gap, and does not call an optional one broken', () => {
    const text = doctorText([
      { name: 'wasm', state: 'ok', detail: '4.22.0' },
      { name: 'tfjs-node', state: 'missing', detail: 'not installed', mend: 'npm install x' },
    ])
    expect(text).toContain('tfjs-node (optional, faster): npm install x')
    expect(text).toMatch(/Training works here\.$/)
    expect(doctorText([{ name: 'sharp', state: 'broken', detail: 'does not load' }])).toMatch(
      /does not work here yet\.$/,
    )
  })
})
