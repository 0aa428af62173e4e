import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly author?: string | { readonly name: string }
}

/** A package's own licence file; undefined where it brings none. */
const ownText = (folder: string): string | undefined => {
  const file = readdirSync(folder).find((name) => /^licen[cs]e(\.|$)/i.test(name))
  return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8')
}

/** Standard texts, by SPDX name, out of files that are here. */
export interface StandardTexts {
  /** Of the MIT licence: what stands behind the copyright line. */
  readonly mit: string
  readonly apache: string
}

const PERMISSION = 'Permission is hereby granted'

/** @param ours - a file with the MIT licence @param apache - one with the Apache licence */
export const standardTexts = (ours: string, apache: string): StandardTexts => {
  const text = readFileSync(ours, 'utf8')
  return { mit: text.slice(text.indexOf(PERMISSION)), apache: readFileSync(apache, 'utf8') }
}

/**
 * The text that must travel with a package: its own, or, where it brings none, the standard one of the licence that its manifest names.
 *
 * @throws Error for a licence whose text is not known here
 */
export const licenceText = (folder: string, standard: StandardTexts): string => {
  const {
    name,
    version,
    license = '',
    author,
  } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const own = ownText(folder)
  if (own !== undefined) return `${name} ${version}\n\n${own}`
  const holder = typeof author === 'string' ? author : (author?.name ?? `the authors of ${name}`)
  const texts = [
    ...(/\bApache-2\.0\b/.test(license) ? [standard.apache] : []),
    ...(/\bMIT\b/.test(license) ? [`Copyright (c) ${holder}\n\n${standard.mit}`] : []),
  ]
  if (texts.length === 0)
    throw new Error(
      `${name} brings no licence text, and that of "${license}" is not known here (src/archive/licences.ts)`,
    )
  return `${name} ${version}: ${license}, as its package.json says; the package brings no text of its own.\n\n${texts.join('\n\n')}`
}

/** Node's licence, which lies in another place for each way of installing it. */
export const nodeLicence = (execPath: string): string => {
  const places = [
    '../../LICENSE',
    '../../share/doc/nodejs/LICENSE',
    '../../share/doc/node/LICENSE',
    '../../share/doc/nodejs/copyright',
  ]
  const file = places.map((place) => join(execPath, place)).find(existsSync)
  if (file === undefined)
    throw new Error(`Node's licence is not beside ${execPath} (${places.join(', ')}): take a Node.js that brings it`)
  return readFileSync(file, 'utf8')
}
