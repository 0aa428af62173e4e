/** How 16-bit numbers lie in a buffer: two in a u32, which every device reads, or as WGSL's f16, where the device has `shader-f16`. The same bits. */
export type HalfForm = 'packed' | 'native'

/** Numbers of 16 bits one by one, or four at a time. */
export type HalfElement = 'half' | 'half4'

export const isHalf = (element: string): element is HalfElement => element === 'half' || element === 'half4'

/** The largest number of float16. */
export const LARGEST_HALF = 65504

interface Declared {
  readonly form: HalfForm
  readonly element: HalfElement
  readonly name: string
  readonly binding: number
  readonly access: 'read' | 'read_write'
}

/** WGSL: a buffer of 16-bit numbers, `nameAt` that reads it as f32, and where it is written `namePut`, which needs `overflowBinding`. */
export const declaredHalf = (given: Declared): string => {
  const { form, element, name, binding, access } = given
  const types = form === 'packed' ? { half: 'u32', half4: 'vec2<u32>' } : { half: 'f16', half4: 'vec4<f16>' }
  // pairs are written together: two invocations must not share a word
  const type = form === 'native' && element === 'half' && access === 'read_write' ? 'vec2<f16>' : types[element]
  return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${type}>;
${reader(given)}${access === 'read' ? '' : writer(given)}`
}

const reader = ({ form, element, name, access }: Declared): string => {
  if (element === 'half') {
    const one = form === 'packed' ? `unpack2x16float(${name}[i / 2u] >> (16u * (i % 2u))).x` : `f32(${name}[i])`
    return access === 'read' ? `fn ${name}At(i: u32) -> f32 { return ${one}; }` : ''
  }
  return form === 'packed'
    ? `fn ${name}At(i: u32) -> vec4<f32> {
  let words = ${name}[i];
  return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}`
    : `fn ${name}At(i: u32) -> vec4<f32> { return vec4<f32>(${name}[i]); }`
}

const writer = ({ form, element, name }: Declared): string => {
  const type = element === 'half' ? 'vec2' : 'vec4'
  const packed =
    element === 'half' ? 'pack2x16float(fitting)' : 'vec2<u32>(pack2x16float(fitting.xy), pack2x16float(fitting.zw))'
  const fitting = (axis: string): string => `fitted(v.${axis})`
  return `
fn ${name}Put(i: u32, v: ${type}<f32>) {
  let fitting = ${type}<f32>(${[...(element === 'half' ? 'xy' : 'xyzw')].map(fitting).join(', ')});
  ${name}[i] = ${form === 'packed' ? packed : `${type}<f16>(fitting)`};
}`
}

/**
 * WGSL: where the largest number that does not fit is noted, by its bits, and `fitted`, which makes it the largest that does; NaN stays.
 * Without it the conversion of such a number is anything at all (WGSL 15.7.6).
 */
export const overflowBinding = (binding: number): string => `
@group(0) @binding(${binding}) var<storage, read_write> overflow: array<atomic<u32>>;
fn fitted(v: f32) -> f32 {
  if (abs(v) <= ${LARGEST_HALF}.0 || (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u) { return v; }
  atomicMax(&overflow[0], bitcast<u32>(v) & 0x7fffffffu);
  return clamp(v, -${LARGEST_HALF}.0, ${LARGEST_HALF}.0);
}`

/** WGSL: `rounded`, a vector as it comes back from 16 bits. */
export const roundedHalf4 = (form: HalfForm): string =>
  form === 'packed'
    ? `fn rounded(v: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(pack2x16float(v.xy)), unpack2x16float(pack2x16float(v.zw)));
}`
    : `fn rounded(v: vec4<f32>) -> vec4<f32> { return vec4<f32>(vec4<f16>(v)); }`
