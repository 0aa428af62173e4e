import * as t from 'io-ts'

/** A number that is neither NaN nor infinite; io-ts's own `number` takes both. */
export const Finite: t.Type<number> = new t.Type(
  'a finite number',
  (u): u is number => typeof u === 'number' && Number.isFinite(u),
  (u, context) => (typeof u === 'number' && Number.isFinite(u) ? t.success(u) : t.failure(u, context)),
  t.identity,
)

/** A text of at least one character. */
export const Text: t.Type<string> = new t.Type(
  'a non-empty text',
  (u): u is string => typeof u === 'string' && u !== '',
  (u, context) => (typeof u === 'string' && u !== '' ? t.success(u) : t.failure(u, context)),
  t.identity,
)
