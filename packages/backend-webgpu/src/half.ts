/** x as float16 has it: the nearest with 11 digits from 2^-14 up and the nearest multiple of 2^-24 below, ties to the even one; for |x| up to 65504. */
export const half = (x: number): number => {
  const unit = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(x)))) - 10)
  const [count, rest] = [Math.floor(x / unit), x / unit - Math.floor(x / unit)]
  const up = rest > 0.5 || (rest === 0.5 && count % 2 !== 0)
  return (up ? count + 1 : count) * unit
}
