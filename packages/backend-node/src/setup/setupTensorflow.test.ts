import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { currentInstallation, tensorflowHome, tfjsNodeIn, versions, type Manifest } from './folder.ts'
import { withHomeLock } from './lock.ts'
import { officialAnswers, officialLibrary } from './official.ts'
import { cleanEnvironment } from './runLogged.ts'
import { removeTensorflow } from './removeTensorflow.ts'
import { setupTensorflow } from './setupTensorflow.ts'
import { serving } from './testing.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'durian-home-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

const manifest: Manifest = {
  variant: 'cpu',
  source: 'wheel',
  tfjsNode: versions.tfjsNode,
  tensorflow: '2.21.0',
  wheel: null,
  sha256: null,
}

const pretendInstallation = async (name: string): Promise<void> => {
  await mkdir(tfjsNodeIn(join(home, name)), { recursive: true })
  await writeFile(join(home, name, 'durian.json'), JSON.stringify(manifest))
}

describe('where TensorFlow is kept', () => {
  it('golden: --dir, else DURIAN_TENSORFLOW_DIR, else the data folder', () => {
    expect(tensorflowHome('/a', { DURIAN_TENSORFLOW_DIR: '/b' })).toBe('/a')
    expect(tensorflowHome(undefined, { DURIAN_TENSORFLOW_DIR: '/b', XDG_DATA_HOME: '/c' })).toBe('/b')
    expect(tensorflowHome(undefined, { XDG_DATA_HOME: '/c' })).toBe('/c/durian/tensorflow')
  })

  it('golden: an installation counts only when it was finished', async () => {
    await writeFile(join(home, 'current.json'), '{"folder":"2.21.0-cpu"}')
    expect(currentInstallation(home)).toBeNull()
    await mkdir(tfjsNodeIn(join(home, '2.21.0-cpu')), { recursive: true })
    expect(currentInstallation(home)).toBeNull()
    await pretendInstallation('2.21.0-cpu')
    expect(currentInstallation(home)).toEqual({ folder: join(home, '2.21.0-cpu'), manifest })
  })
})

describe('removing', () => {
  it('golden: deletes what was set up and keeps what is not ours', async () => {
    await pretendInstallation('2.21.0-cpu')
    await mkdir(join(home, 'downloads'))
    await writeFile(join(home, 'current.json'), '{}')
    await writeFile(join(home, 'mine.txt'), '')
    const removed = await removeTensorflow(home)()
    expect(E.isRight(removed) && removed.right.length).toBe(3)
    expect(await readdir(home)).toEqual(['mine.txt'])
    await rm(join(home, 'mine.txt'))
    await removeTensorflow(home)()
    await expect(readdir(home)).rejects.toThrow('ENOENT')
    expect(await removeTensorflow(home)()).toEqual(E.right([]))
  })
})

describe('setting up', () => {
  it('is refused while another process works there; a dead one is no hindrance', async () => {
    await writeFile(join(home, '.lock'), '1')
    await expect(withHomeLock(home, () => Promise.resolve('done'))).rejects.toThrow(/process 1\) is working in/)
    await writeFile(join(home, '.lock'), '999999999')
    expect(await withHomeLock(home, () => Promise.resolve('done'))).toBe('done')
    expect(await readdir(home)).toEqual([])
  })

  it('names a folder that cannot be made', async () => {
    await writeFile(join(home, 'file'), '')
    const result = await setupTensorflow({ variant: 'cpu', version: null, dir: join(home, 'file', 'x'), wheel: null })()
    expect(result).toEqual(E.left(expect.stringMatching(/cannot be made .*--dir/)))
  })

  it('golden: asks the host of the official binaries before it is trusted to answer', async () => {
    expect(
      await serving(
        ({ method }) => ({ status: method === 'HEAD' ? 200 : 500, body: '' }),
        (address) => officialAnswers(`${address}/lib.tar.gz`),
      ),
    ).toBe(true)
    expect(await officialAnswers('http://127.0.0.1:1/lib.tar.gz')).toBe(false)
    expect(await officialAnswers(null)).toBe(false)
    if (process.platform === 'linux' && process.arch === 'x64')
      expect(officialLibrary({ CDN_STORAGE: 'https://mirror.test/' })).toBe(
        'https://mirror.test/tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz',
      )
  })

  it('golden: hands npm neither the place of the npm around it nor loses its registry', () => {
    expect(
      cleanEnvironment({
        npm_config_local_prefix: '/x',
        npm_config_registry: 'https://r.test',
        INIT_CWD: '/x',
        A: 'b',
      }),
    ).toEqual({ npm_config_registry: 'https://r.test', A: 'b' })
  })
})
