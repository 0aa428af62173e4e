import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { raw, type Html } from './html.ts'

const { document } = parseHTML('<!doctype html><html><body></body></html>')

export interface ChartOptions extends Plot.PlotOptions {
  /** What the picture shows, for those who cannot see it. */
  readonly label: string
}

/** An Observable Plot as inline SVG. Colours are CSS variables, so one picture serves light and dark. */
export const chart = ({ label, ...options }: ChartOptions): Html => {
  const svg = Plot.plot({
    document,
    width: 980,
    height: 280,
    marginLeft: 52,
    marginRight: 18,
    marginTop: 24,
    marginBottom: 38,
    ...options,
    style: { fontSize: '12px' },
  })
  svg.querySelector('style')?.remove()
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  svg.setAttribute('class', 'chart')
  return raw(rounded(svg.outerHTML))
}

/** Coordinates to a hundredth of a pixel: what lies behind is a third of the file. Numbers that are read stay as they are. */
const rounded = (svg: string): string =>
  svg.replace(/ (?:d|transform|x|y|x1|x2|y1|y2|cx|cy|width|height)="[^"]*"/g, (attribute) =>
    attribute.replace(/-?\d+\.\d{3,}(?:e-?\d+)?/g, (digits) => String(Math.round(Number(digits) * 100) / 100)),
  )

/** Room around a curve that never moves: an axis needs two ends. Nothing for one that does. */
export const roomAround = (values: ReadonlyArray<number>): { readonly domain?: readonly [number, number] } => {
  const [first] = values
  if (first === undefined || values.some((value) => value !== first)) return {}
  return { domain: first === 0 ? [-1, 1] : first > 0 ? [0, 2 * first] : [2 * first, 0] }
}

/** An axis of steps: whole numbers, at most about `ticks` of them. */
export const stepAxis = (ticks: number): Plot.ScaleOptions => ({
  label: 'step',
  ticks,
  tickFormat: (step: number) => (Number.isInteger(step) ? String(step) : ''),
})

/** Half the page: one of two charts beside each other. */
export const half = { width: 440, height: 220 } as const
/** A third of the page. */
export const third = { width: 320, height: 190, marginLeft: 46, marginRight: 12 } as const

export { Plot }
