import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where models of the Hub come from and are kept. */
export interface HubSettings {
  /** The Hub's address, without a slash at its end. */
  readonly endpoint: string
  /** Absent: asks without a name. */
  readonly token?: string
  /** Nothing is asked over the network. */
  readonly offline: boolean
  /** Folder that holds `models--org--name`, shared with Hugging Face's Python programs. */
  readonly cache: string
}

type Environment = Readonly<Record<string, string | undefined>>

const isTrue = (value: string | undefined): boolean => ['1', 'ON', 'YES', 'TRUE'].includes((value ?? '').toUpperCase())
/** A variable that is set to nothing counts as not set. */
const named = (value: string | undefined): string | undefined => (value === '' ? undefined : value)

const tokenIn = (path: string): string | undefined => {
  try {
    return named(readFileSync(path, 'utf8').trim())
  } catch {
    return undefined
  }
}

/**
 * The settings that Hugging Face's Python library reads from the same variables: HF_HOME, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, XDG_CACHE_HOME,
 * HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN.
 * huggingface_hub@v0.36 constants.py and utils/_auth.py
 *
 * @param home - the user's folder
 */
export const hubSettings = (environment: Environment, home: string): HubSettings => {
  const value = (name: string): string | undefined => named(environment[name])
  const folder = (path: string): string => (path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path)
  const hfHome = folder(value('HF_HOME') ?? join(value('XDG_CACHE_HOME') ?? join(home, '.cache'), 'huggingface'))
  const cache = value('HF_HUB_CACHE') ?? value('HUGGINGFACE_HUB_CACHE')
  const given = value('HF_TOKEN') ?? value('HUGGING_FACE_HUB_TOKEN')
  const kept = isTrue(value('HF_HUB_DISABLE_IMPLICIT_TOKEN'))
    ? undefined
    : tokenIn(folder(value('HF_TOKEN_PATH') ?? join(hfHome, 'token')))
  const token = given?.trim() ?? kept
  return {
    endpoint: (value('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, ''),
    ...(token === undefined ? {} : { token }),
    offline: isTrue(value('HF_HUB_OFFLINE') ?? value('TRANSFORMERS_OFFLINE')),
    cache: cache === undefined ? join(hfHome, 'hub') : folder(cache),
  }
}
