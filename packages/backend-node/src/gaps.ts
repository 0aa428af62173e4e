/** Laws that a backend is known to break, with the reason. A gap that closes fails the suite, so none outlives its cause. */
export const gaps: Readonly<Record<'wasm' | 'tensorflow', Readonly<Record<string, string>>>> = {
  wasm: {},
  tensorflow: {},
}
