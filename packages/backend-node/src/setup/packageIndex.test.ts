import { describe, expect, it } from 'vitest'
import { fetchIndex, indexUrl, indexUrlOfPipConfig, parseIndex, withoutCredentials } from './packageIndex.ts'
import { serving } from './testing.ts'

const sha256 = 'ab'.repeat(32)

describe('the package index', () => {
  it('golden: is read as JSON (PEP 691), without withdrawn files, addresses relative to the page', () => {
    const page = JSON.stringify({
      files: [
        { filename: 'a-1.whl', url: '../../packages/a-1.whl', hashes: { sha256: sha256.toUpperCase() }, yanked: false },
        { filename: 'a-2.whl', url: 'https://files.test/a-2.whl', hashes: {}, yanked: 'broken' },
        { filename: 'a-3.whl', url: 'https://files.test/a-3.whl', hashes: {} },
      ],
    })
    expect(parseIndex(page, 'https://index.test/simple/a/')).toEqual([
      { filename: 'a-1.whl', url: 'https://index.test/packages/a-1.whl', sha256 },
      { filename: 'a-3.whl', url: 'https://files.test/a-3.whl', sha256: null },
    ])
  })

  it('golden: is read as HTML (PEP 503) with checksums in the fragment', () => {
    const page = [
      '<!DOCTYPE html><html><body>',
      `<a href="https://files.test/a-1.whl?x=1&amp;y=2#sha256=${sha256}" data-requires-python="&gt;=3.10">a-1.whl</a><br/>`,
      `<a href="a-2.whl#sha256=${sha256}" data-yanked="">a-2.whl</a>`,
      '<a href="a-3.whl">a-3.whl</a>',
    ].join('\n')
    expect(parseIndex(page, 'https://index.test/simple/a/')).toEqual([
      { filename: 'a-1.whl', url: 'https://files.test/a-1.whl?x=1&y=2', sha256 },
      { filename: 'a-3.whl', url: 'https://index.test/simple/a/a-3.whl', sha256: null },
    ])
  })

  it("golden: its address is PIP_INDEX_URL, else pip's configuration", () => {
    expect(indexUrl({ PIP_INDEX_URL: 'https://mirror.test/simple/' })).toBe('https://mirror.test/simple')
    expect(indexUrlOfPipConfig('[global]\ncert = x\nindex-url = https://mirror.test/simple\n')).toBe(
      'https://mirror.test/simple',
    )
    expect(indexUrlOfPipConfig('[list]\nindex-url = https://other.test\n')).toBeNull()
  })

  it('golden: takes credentials out of an address', () => {
    expect(withoutCredentials('https://me:se%20cret@mirror.test/simple/a/')).toEqual({
      url: 'https://mirror.test/simple/a/',
      headers: { authorization: `Basic ${Buffer.from('me:se cret').toString('base64')}` },
    })
  })

  it('asks with the credentials and says which index has no such project', async () => {
    await serving(
      ({ headers, url }) =>
        url === '/simple/known/' && headers.authorization !== undefined
          ? { status: 200, body: '{"files":[]}' }
          : { status: 404, body: '' },
      async (address) => {
        const index = address.replace('//', '//me:pw@') + '/simple'
        expect(await fetchIndex('known', index)).toEqual([])
        await expect(fetchIndex('unknown', index)).rejects.toThrow(
          /has no unknown \(HTTP 404\).*PIP_INDEX_URL.*--wheel/,
        )
      },
    )
  })

  it('says which index does not answer', async () => {
    const gone = await serving(
      () => ({ status: 200, body: '' }),
      (address) => Promise.resolve(address),
    )
    await expect(fetchIndex('a', gone)).rejects.toThrow(/does not answer \(.*ECONNREFUSED.*PIP_INDEX_URL/)
  })
})
