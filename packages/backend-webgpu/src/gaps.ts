/** Laws that WebGPU is known to break, with the reason. A gap that closes fails the suite, so none outlives its cause. */
export const gaps: Readonly<Record<string, string>> = {}
