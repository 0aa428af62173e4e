export { openPool, type Pool } from './pool.ts'
export { splitSimd } from './splitSimd.ts'
