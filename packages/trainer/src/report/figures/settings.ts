import { configText } from '../../config/readConfig.ts'
import { trainFields } from '../../config/fields.ts'
import { leaves, REQUIRED } from '../../config/table.ts'
import { figure, table } from '../figure.ts'
import { html, type Html } from '../html.ts'
import type { Run } from '../readRun.ts'

const valueAt = (tree: unknown, key: string): unknown =>
  key
    .split('.')
    .reduce<unknown>((node, part) => (node as Readonly<Record<string, unknown>> | null | undefined)?.[part], tree)

const show = (value: unknown): string =>
  value === undefined ? 'not used' : typeof value === 'string' ? value : JSON.stringify(value)

/** Keys that are not at their default in some run, one column a run; what differs between runs is marked. */
export const settingsTable = (runs: ReadonlyArray<Run>): Html => {
  const rows = leaves(trainFields).flatMap(({ key, field }) => {
    const values = runs.map((run) => show(valueAt(run.config, key)))
    const fallback = field.default === REQUIRED ? undefined : show(field.default)
    if (values.every((value) => value === fallback || value === 'not used')) return []
    const differs = values.some((value) => value !== values[0])
    return [
      [
        html`<code>${key}</code>`,
        ...values.map((value) => (differs ? html`<mark>${value}</mark>` : html`${value}`)),
        fallback ?? '–',
      ],
    ]
  })
  return figure({
    title: 'Settings',
    says:
      runs.length > 1
        ? 'Keys that are not at their default; what differs between the runs is marked. Everything else is as in docs/config.md.'
        : 'Keys that are not at their default. Everything else is as in docs/config.md; the whole file is below.',
    body: [
      table({
        head: ['key', ...runs.map(({ name }) => (runs.length > 1 ? name : 'value')), 'default'],
        rows,
        words: rows[0]?.map((_, i) => i) ?? [0],
      }),
      ...runs.map(
        (run) =>
          html`<details>
            <summary>config.yaml${runs.length > 1 ? ` of ${run.name}` : ''}</summary>
            <pre>${configText(run.config)}</pre>
          </details>`,
      ),
    ],
  })
}

/** Where the runs happened. */
export const environmentTable = (runs: ReadonlyArray<Run>): Html | null => {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.environment)))]
  if (keys.length === 0) return null
  return figure({
    title: 'Machine',
    says: 'Same seed, backend, thread count and kind of machine give the same numbers, byte for byte, except times.',
    body: table({
      head: ['', ...runs.map(({ name }) => name)],
      rows: keys.map((key) => [key.replace('_gib', ', GiB'), ...runs.map((run) => show(run.environment[key]))]),
      words: [0, ...runs.map((_, i) => i + 1)],
    }),
  })
}
