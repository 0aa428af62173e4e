import type { Canvas } from './canvas.ts'
import type { Draws } from './draws.ts'

/** The four kinds of question, in the order tables print them. */
export const families = ['bars', 'count', 'sides', 'angle'] as const
export type Family = (typeof families)[number]

/** How hard the pictures may get, and which questions are asked. */
export interface SyntheticOptions {
  /** Largest standard deviation of the grey noise; each picture draws its own from U(0, noise). White is 1. */
  readonly noise: number
  /** Largest number of grey line pieces behind the figure; each picture draws its own from U{0…clutter}. */
  readonly clutter: number
  /** Relative weight of each family, >= 0, not all 0. A family left out has weight 0. */
  readonly families: Readonly<Partial<Record<Family, number>>>
}

/** Where a sample comes from: the same address gives the same sample, whatever else was drawn before. */
export interface SampleAddress {
  readonly seed: number
  /** One number per split, so that splits share no sample. */
  readonly stream: number
  readonly row: number
}

/** A question about a figure that a family has just drawn. */
export interface Question {
  /** The words after `<image>`. */
  readonly question: string
  /** The worked steps, without spaces. */
  readonly thought: string
  readonly answer: number
  /** Additions and subtractions the thought takes. */
  readonly steps: number
}

/** Draws a figure on the canvas and asks about it. */
export type DrawFamily = (draws: Draws, canvas: Canvas) => Question

export interface SyntheticSample {
  /** [size, size, 3], row-major, 0…255. */
  readonly pixels: Uint8Array
  readonly size: number
  /** One `<image>`, then the question. */
  readonly problem: string
  readonly answer: string
  /** `<think>` worked steps `</think>\boxed{answer}`. */
  readonly solution: string
  /** The same answer with an empty thought: the short-answer habit of the demo's cold start. */
  readonly direct: string
  readonly family: Family
  readonly steps: number
  /** Standard deviation of this picture's noise. */
  readonly noise: number
  /** Line pieces behind this picture's figure. */
  readonly clutter: number
}
