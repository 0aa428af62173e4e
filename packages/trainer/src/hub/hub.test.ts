import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { loadPolicy } from '../policy/files.ts'
import { fixtureDir, right } from '../policy/testing.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { modelDirectory, type ModelDirectoryHooks } from './modelDirectory.ts'
import { modelIdOf } from './modelId.ts'
import { hubSettings, type HubSettings } from './settings.ts'
import { etagOf, testHub, type TestHub, type TestHubOptions } from './testing.ts'

const name = 'Qwen/Tiny-VL'
const commit = '0123456789abcdef0123456789abcdef01234567'
const SHARD = 'model-00001-of-00002.safetensors'

let files: Record<string, Uint8Array>
beforeAll(async () => {
  files = { 'README.md': new Uint8Array(9), 'pytorch_model.bin': new Uint8Array(99) }
  for (const file of await readdir(fixtureDir))
    if (/\.(json|safetensors)$/.test(file) && !/expected|reference/.test(file))
      files[file] = new Uint8Array(await readFile(join(fixtureDir, file)))
})

let home: string
let hub: TestHub | undefined
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'durian-hub-'))
})
afterEach(async () => {
  await hub?.close()
  hub = undefined
  await rm(home, { recursive: true })
})

const open = async (options: Partial<TestHubOptions> = {}): Promise<TestHub> => {
  await hub?.close()
  hub = await testHub({ name, commit, files, ...options })
  return hub
}
const settings = (environment: Readonly<Record<string, string>> = {}): HubSettings =>
  hubSettings({ HF_ENDPOINT: hub?.endpoint ?? 'http://127.0.0.1:9', ...environment }, home)
const find = (spec: string, environment?: Readonly<Record<string, string>>, hooks?: ModelDirectoryHooks) =>
  modelDirectory(spec, settings(environment), { patience: 1, ...hooks })()
const complaint = async (spec: string, environment?: Readonly<Record<string, string>>): Promise<string> => {
  const result = await find(spec, environment)
  return E.isLeft(result) ? sentence(result.left) : 'fine'
}
const cacheOf = (folder: string): string => join(folder, '.cache/huggingface/hub/models--Qwen--Tiny-VL')

describe('hubSettings', () => {
  it('looks where the Python library looks', () => {
    const of = (environment: Readonly<Record<string, string>>) => hubSettings(environment, '/home/me')
    expect(of({})).toEqual({
      endpoint: 'https://huggingface.co',
      offline: false,
      cache: '/home/me/.cache/huggingface/hub',
    })
    expect(of({ XDG_CACHE_HOME: '/x' }).cache).toBe('/x/huggingface/hub')
    expect(of({ XDG_CACHE_HOME: '/x', HF_HOME: '~/h' }).cache).toBe('/home/me/h/hub')
    expect(of({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/c' }).cache).toBe('/c')
    expect(of({ HF_HUB_CACHE: '/d', HUGGINGFACE_HUB_CACHE: '/c' }).cache).toBe('/d')
    expect(of({ HF_HUB_CACHE: '' }).cache).toBe('/home/me/.cache/huggingface/hub')
    expect(of({ HF_ENDPOINT: 'https://mirror/' }).endpoint).toBe('https://mirror')
    for (const yes of ['1', 'true', 'Yes', 'ON']) expect(of({ HF_HUB_OFFLINE: yes }).offline).toBe(true)
    expect(of({ HF_HUB_OFFLINE: '0', TRANSFORMERS_OFFLINE: '1' }).offline).toBe(false)
    expect(of({ TRANSFORMERS_OFFLINE: '1' }).offline).toBe(true)
  })

  it('takes the token of HF_TOKEN, else that of the file which a login leaves', async () => {
    await mkdir(join(home, 'hf'))
    await writeFile(join(home, 'hf/token'), 'kept\n')
    const token = (environment: Readonly<Record<string, string>>) =>
      hubSettings({ HF_HOME: join(home, 'hf'), ...environment }, home).token
    expect(token({})).toBe('kept')
    expect(token({ HF_TOKEN: 'given' })).toBe('given')
    expect(token({ HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined()
  })
})

describe('modelIdOf', () => {
  it('reads a name and a revision, and nothing that could leave a folder', () => {
    expect(modelIdOf('Qwen/Qwen2.5-VL-3B-Instruct')).toEqual({ name: 'Qwen/Qwen2.5-VL-3B-Instruct', revision: 'main' })
    expect(modelIdOf('a/b@refs/pr/1')).toEqual({ name: 'a/b', revision: 'refs/pr/1' })
    for (const spec of [
      'a',
      'a/b/c',
      '../b',
      './b',
      '/a/b',
      'a/..',
      'a/b@',
      'a/b@../c',
      'a/b@/etc',
      'a--b/c',
      'a/b@x/',
    ])
      expect(modelIdOf(spec)).toBeUndefined()
  })
})

describe('modelDirectory', () => {
  it('takes a folder as it is and says of anything else what it could be', async () => {
    expect(right(await find(fixtureDir))).toBe(fixtureDir)
    expect(await complaint(join(fixtureDir, 'config.json'))).toContain('is a file; name the folder')
    expect(await complaint('./absent')).toContain("name a folder in the Hub's layout")
    expect(await complaint('models/absent')).toMatch(
      /^Model models\/absent is no folder, and http:\/\/127\.0\.0\.1:9 could not be asked for it \(.+\); mend the path/,
    )
  })

  it('downloads what a policy needs into the layout of the shared cache, and is asked once', async () => {
    const { requests, authorizations } = await open()
    const seen: Array<{ file: string; done: number; total: number }> = []
    const folder = right(
      await find(name, { HF_TOKEN: 'hf_secret' }, { onProgress: (progress) => void seen.push({ ...progress }) }),
    )
    expect(folder).toBe(join(cacheOf(home), 'snapshots', commit))
    expect(readFileSync(join(cacheOf(home), 'refs/main'), 'utf8')).toBe(commit)
    const names = Object.keys(files).filter((file) => !/README|bin$/.test(file))
    expect((await readdir(folder)).sort()).toEqual(names.sort())
    expect(lstatSync(join(folder, SHARD)).isSymbolicLink()).toBe(true)
    expect(readlinkSync(join(folder, SHARD))).toBe(`../../blobs/${etagOf(files[SHARD]!, true)}`)
    expect(E.isRight(await loadPolicy(folder)())).toBe(true)
    expect(E.isRight(await loadProcessor(folder)())).toBe(true)
    const total = names.reduce((sum, file) => sum + files[file]!.length, 0)
    expect(seen.at(-1)).toMatchObject({ done: total, total })
    expect(seen.every(({ done }, i) => i === 0 || done >= seen[i - 1]!.done)).toBe(true)
    expect([...authorizations]).toEqual(['Bearer hf_secret'])
    // config.json is the first file, weights are the last: a policy that cannot run costs no gigabytes
    const fetchedFiles = requests
      .filter((request) => request.includes('/resolve/'))
      .map((request) => request.split('/').at(-1)!)
    expect(fetchedFiles[0]).toContain('config.json')
    expect(fetchedFiles.at(-1)).toContain('model-00002-of-00002.safetensors')

    const before = requests.length
    expect(right(await find(name))).toBe(folder)
    expect(requests.slice(before)).toEqual([`GET /api/models/${name}/revision/main`])
    expect(right(await find(`${name}@${commit}`))).toBe(folder)
    expect(right(await find(name, { HF_HUB_OFFLINE: '1' }))).toBe(folder)
    expect(requests).toHaveLength(before + 1)
  })

  it('goes on from where a connection broke, within one download and in the next', async () => {
    let cuts = 0
    const { requests } = await open({ cutAfter: (path) => (path === SHARD && cuts++ < 3 ? 100_000 : undefined) })
    const folder = right(await find(name))
    expect(readFileSync(join(folder, SHARD)).equals(files[SHARD]!)).toBe(true)
    const ranges = requests
      .filter((request) => request.includes(SHARD) && !request.endsWith('0-0'))
      .map((r) => r.split(' ')[2])
    expect(ranges).toHaveLength(4)
    expect(ranges[0]).toBeUndefined()
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d+-645727$/.test(range!))).toBe(true)
    await rm(cacheOf(home), { recursive: true })
    await open({ cutAfter: (path) => (path === SHARD ? (cuts++ < 5 ? 300_000 : 0) : undefined) })
    expect(await complaint(name)).toMatch(
      /^Download of model-00001-of-00002\.safetensors of Qwen\/Tiny-VL broke off \(.+\); start again/,
    )
    const left = (await readdir(join(cacheOf(home), 'blobs'))).filter((file) => file.endsWith('.incomplete'))
    expect(left).toHaveLength(1)
    const again = await open()
    expect(right(await find(name))).toBe(folder)
    expect(again.requests.filter((request) => request.includes('config.json'))).toEqual([])
    expect(again.requests.some((request) => /00001.* bytes=[1-9]\d{5}-/.test(request))).toBe(true)
  })

  it('does not keep a file that is not what its checksum says', async () => {
    await open({ damaged: (path, bytes) => (path === SHARD ? bytes.map((byte) => byte ^ 1) : bytes) })
    expect(await complaint(name)).toBe(`${SHARD} of ${name} arrived damaged and was deleted; start again.`)
    const blobs = await readdir(join(cacheOf(home), 'blobs'))
    expect(blobs.some((blob) => blob.startsWith(etagOf(files[SHARD]!, true)))).toBe(false)
  })

  it('refuses another architecture before its weights are fetched', async () => {
    const config = new TextEncoder().encode(JSON.stringify({ model_type: 'llava' }))
    const { requests } = await open({ files: { ...files, 'config.json': config } })
    expect(await complaint(name)).toContain('"llava" is not supported; the policy is Qwen2.5-VL')
    expect(requests.some((request) => request.includes('safetensors '))).toBe(false)
    expect(requests.some((request) => request.endsWith('.safetensors'))).toBe(false)
  })

  it('names the file that a repository lacks', async () => {
    const { 'tokenizer.json': _, ...rest } = files
    await open({ files: rest })
    expect(await complaint(name)).toBe(
      `Model ${name}: its repository has no tokenizer.json, which a Qwen2.5-VL in safetensors has.`,
    )
  })

  it('tells a model that is not there from a Hub that does not answer, and then uses the cache', async () => {
    await open({ status: 404 })
    expect(await complaint(name)).toBe(`Model ${name} is no folder, and the Hub has no ${name} at revision main.`)
    expect(await complaint(name, { HF_TOKEN: 'x' })).toContain('must start with hf_')
    await open({ status: 401 })
    expect(await complaint(name)).toContain('a token goes into HF_TOKEN')
    await open()
    const folder = right(await find(name))
    await open({ status: 503 })
    const notes: string[] = []
    expect(right(await find(name, {}, { onNote: (note) => notes.push(note) }))).toBe(folder)
    expect(notes).toEqual([`${hub!.endpoint} does not answer (status 503); ${name} comes from the cache.`])
  })

  it('offline, says what the cache lacks', async () => {
    const offline = { HF_HUB_OFFLINE: '1' }
    expect(await complaint(name, offline)).toContain('has no such model, and HF_HUB_OFFLINE forbids a download')
    await open()
    const folder = right(await find(name))
    await rm(join(folder, SHARD))
    expect(await complaint(name, offline)).toContain(`has no ${SHARD}, and HF_HUB_OFFLINE`)
    expect(right(await find(name))).toBe(folder)
    expect(existsSync(join(folder, SHARD))).toBe(true)
  })

  it('does not follow a ref that is no commit out of the cache', async () => {
    await mkdir(join(cacheOf(home), 'refs'), { recursive: true })
    await writeFile(join(cacheOf(home), 'refs/main'), '../../../..')
    expect(await complaint(name, { HF_HUB_OFFLINE: '1' })).toContain('has no such model')
  })
})
