import { type Code, unsigned, type Variable } from './code.ts'

export type Type = 'i32' | 'f32' | 'f64' | 'v128'
const TYPES: Readonly<Record<Type, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b }

/** A function: its parameters, and its body given them and a way to declare locals. */
export interface KernelSource {
  readonly parameters: ReadonlyArray<Type>
  readonly body: (parameters: ReadonlyArray<Variable>, declare: (type: Type) => Variable) => Code
}

const vector = (items: ReadonlyArray<Code>): Code => [...unsigned(items.length), ...items.flat()]
const sized = (content: Code): Code => [...unsigned(content.length), ...content]
const section = (id: number, content: Code): Code => [id, ...sized(content)]
const ascii = (value: string): Code => vector(Array.from(value, (letter) => [letter.charCodeAt(0)]))

const assembled = ({ parameters, body }: KernelSource): Code => {
  const locals: Type[] = []
  const variable = (index: number): Variable => ({
    get: [0x20, ...unsigned(index)],
    set: (value) => [...value, 0x21, ...unsigned(index)],
  })
  const declare = (type: Type): Variable => variable(parameters.length + locals.push(type) - 1)
  const code = body(
    parameters.map((_, index) => variable(index)),
    declare,
  )
  return sized([...vector(locals.map((type) => [1, TYPES[type]])), ...code, 0x0b])
}

/** The memory that kernels import: one thread's own, or shared by several; a shared one must say how far it may grow (4 GB). */
export type MemoryKind = 'own' | 'shared'
const LIMITS: Readonly<Record<MemoryKind, Code>> = { own: [0, 1], shared: [3, 1, ...unsigned(65536)] }

/** A module whose functions are the kernels, by name; it imports its memory as `e.m`. */
export const assemble = (
  kernels: Readonly<Record<string, KernelSource>>,
  memory: MemoryKind = 'own',
): Uint8Array<ArrayBuffer> => {
  const sources = Object.values(kernels)
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(sources.map(({ parameters }) => [0x60, ...vector(parameters.map((t) => [TYPES[t]])), 0]))),
    ...section(2, vector([[...ascii('e'), ...ascii('m'), 2, ...LIMITS[memory]]])),
    ...section(3, vector(sources.map((_, i) => unsigned(i)))),
    ...section(7, vector(Object.keys(kernels).map((name, i) => [...ascii(name), 0, ...unsigned(i)]))),
    ...section(10, vector(sources.map(assembled))),
  ])
}
