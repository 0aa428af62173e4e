import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { reasonOf, SetupFault } from './fault.ts'

/** One file of a project on a Python package index. */
export interface IndexFile {
  readonly filename: string
  readonly url: string
  /** Lower-case hexadecimal; null where the index gives none. */
  readonly sha256: string | null
}

type Environment = Readonly<Record<string, string | undefined>>

const PYPI = 'https://pypi.org/simple'

/** `index-url` of the first section that has one; pip's files are ini files. */
export const indexUrlOfPipConfig = (text: string): string | null => {
  let section = ''
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\s*\[(.+?)\]\s*$/.exec(line)
    if (heading !== null) section = heading[1]!
    const entry = /^\s*index[-_]url\s*[=:]\s*(\S+)/.exec(line)
    if (entry !== null && ['global', 'install', 'download'].includes(section)) return entry[1]!
  }
  return null
}

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** The index pip would use: PIP_INDEX_URL, else pip's configuration files, else PyPI. */
export const indexUrl = (env: Environment = process.env): string => {
  if (env['PIP_INDEX_URL'] !== undefined && env['PIP_INDEX_URL'] !== '') return trimmed(env['PIP_INDEX_URL'])
  const config = env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config')
  const files = [
    env['PIP_CONFIG_FILE'],
    join(config, 'pip', 'pip.conf'),
    join(homedir(), '.pip', 'pip.conf'),
    '/etc/pip.conf',
  ]
  for (const file of files) {
    const url = file === undefined ? null : indexUrlOfPipConfig(readText(file) ?? '')
    if (url !== null) return trimmed(url)
  }
  return PYPI
}

const trimmed = (url: string): string => url.replace(/\/+$/, '')

/** `fetch` takes no `user:password@` in an address: they go into a header. */
export const withoutCredentials = (
  address: string,
): { readonly url: string; readonly headers: Readonly<Record<string, string>> } => {
  const url = new URL(address)
  if (url.username === '') return { url: address, headers: {} }
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  return { url: url.href, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } }
}

const unescaped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')

interface JsonIndex {
  readonly files?: ReadonlyArray<{
    readonly filename?: string
    readonly url?: string
    readonly hashes?: Readonly<Record<string, string>>
    readonly yanked?: boolean | string
  }>
}

const fromJson = ({ files = [] }: JsonIndex, base: string): ReadonlyArray<IndexFile> =>
  files.flatMap(({ filename, url, hashes, yanked }) =>
    filename === undefined || url === undefined || (yanked !== undefined && yanked !== false)
      ? []
      : [{ filename, url: new URL(url, base).href, sha256: hashes?.['sha256']?.toLowerCase() ?? null }],
  )

const fromHtml = (text: string, base: string): ReadonlyArray<IndexFile> =>
  [...text.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/gi)].flatMap(([, attributes, label]) => {
    const href = /href\s*=\s*"([^"]*)"/i.exec(attributes!)?.[1]
    if (href === undefined || /\bdata-yanked\b/i.test(attributes!)) return []
    const url = new URL(unescaped(href), base)
    const sha256 = /sha256=([0-9a-f]{64})/i.exec(url.hash)?.[1]?.toLowerCase() ?? null
    url.hash = ''
    return [{ filename: unescaped(label!.trim()), url: url.href, sha256 }]
  })

/** A project's page of the simple API, as JSON (PEP 691) or as HTML (PEP 503); withdrawn files are left out. */
export const parseIndex = (text: string, base: string): ReadonlyArray<IndexFile> =>
  text.trimStart().startsWith('{') ? fromJson(JSON.parse(text) as JsonIndex, base) : fromHtml(text, base)

/** The files of a project. Throws SetupFault when the index does not answer or does not know it. */
export const fetchIndex = async (project: string, index: string = indexUrl()): Promise<ReadonlyArray<IndexFile>> => {
  const { url, headers } = withoutCredentials(`${index}/${project}/`)
  const host = new URL(url).host
  const accept = 'application/vnd.pypi.simple.v1+json, text/html;q=0.5'
  let answer: Response
  let text: string
  try {
    answer = await fetch(url, { headers: { ...headers, accept }, signal: AbortSignal.timeout(60_000) })
    text = await answer.text()
  } catch (thrown) {
    throw new SetupFault(
      `The package index ${host} does not answer (${reasonOf(thrown)}); name another with PIP_INDEX_URL, or pass a downloaded wheel with --wheel FILE.`,
    )
  }
  if (!answer.ok)
    throw new SetupFault(
      `The package index ${host} has no ${project} (HTTP ${answer.status}); name another with PIP_INDEX_URL, or pass a downloaded wheel with --wheel FILE.`,
    )
  return parseIndex(text, answer.url)
}
