import { describe, expect, it } from 'vitest'
import { UsageError } from '../options.ts'
import { parseProfileOptions } from './options.ts'
import { profileTable } from './table.ts'

describe('the command line of a profile', () => {
  it('profiles TensorFlow unless told otherwise, and refuses what it does not know', () => {
    expect(parseProfileOptions([])).toEqual({ backend: 'tensorflow', top: 12, save: false })
    expect(parseProfileOptions(['--backend', 'wasm', '--top', '3', '--save'])).toEqual({
      backend: 'wasm',
      top: 3,
      save: true,
    })
    expect(() => parseProfileOptions(['--backend', 'abacus'])).toThrow(UsageError)
    expect(() => parseProfileOptions(['--top', '0'])).toThrow('--top 0')
    expect(() => parseProfileOptions(['--rounds', '3'])).toThrow(UsageError)
  })
})

describe('the table of a profile', () => {
  const work = { model: 'm', work: 'w', steps: 2, wallMs: 100, processorMs: 90 }
  const entry = (name: string, calls: number, ms: number) => ({ name, calls, ms })

  it('tells the library from the JavaScript around it, and uploads from operations', () => {
    const native = [entry('MatMul', 4, 60), entry('(upload)', 10, 5)]
    const text = profileTable({ ...work, kernels: [entry('BatchMatMul', 4, 70)], native }, 1)
    expect(text).toContain('4 operations, 2.0 a step')
    expect(text).toContain('in the library 65.0 %, in JavaScript (kernels around it, tape, host) 35.0 %')
    expect(text).toContain('MatMul')
    expect(text).not.toContain('(upload)')
  })

  it('counts kernels where there is no library under them', () => {
    const text = profileTable({ ...work, kernels: [entry('Add', 6, 30)], native: [] }, 5)
    expect(text).toContain('in kernels 30.0 %, outside them 70.0 %')
    expect(text).toContain('5000.0 us each')
  })
})
