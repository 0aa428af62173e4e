export { openPool, type Pool, type PoolOptions } from './pool.ts'
export { splitSimd } from './splitSimd.ts'
