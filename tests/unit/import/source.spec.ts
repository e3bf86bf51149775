import { execFileSync } from 'node:child_process'
import { isUtf8 } from 'node:buffer'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findTextProblem, listSources, readSource, SourceError } from '../../../server/import/source.ts'

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'import source-'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A new folder with the files named; a name may hold `/`. */
function folder(...files: string[]): string {
  const path = mkdtempSync(join(root, 'f'))
  for (const file of files) {
    mkdirSync(join(path, file, '..'), { recursive: true })
    writeFileSync(join(path, file), 'text')
  }
  return path
}

describe('findTextProblem', () => {
  it.each<[string, number[], number | null]>([
    ['ASCII', [0x61, 0x7f], null],
    ['all lengths', [...Buffer.from('é漢😀\u{10ffff}\ud7ff\ue000\u0080\u0800\u{10000}')], null],
    ['a lone continuation', [0x61, 0x80], 1],
    ['an overlong of two', [0xc0, 0x80], 0],
    ['an overlong of two, C1', [0x61, 0xc1, 0xbf], 1],
    ['an overlong of three', [0xe0, 0x9f, 0xbf], 0],
    ['an overlong of four', [0xf0, 0x8f, 0xbf, 0xbf], 0],
    ['a surrogate', [0xc3, 0xa9, 0xed, 0xa0, 0x80], 2],
    ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80], 0],
    ['F5', [0x61, 0xf5, 0x80, 0x80, 0x80], 1],
    ['truncated at the end', [0x61, 0xe6, 0xbc], 1],
    ['truncated in the middle', [0xf0, 0x9f, 0x98, 0x61], 0],
    ['Latin-1', [...Buffer.from('caf\xe9 x', 'latin1')], 3],
  ])('%s', (_, bytes, offset) => {
    expect(findTextProblem(Buffer.from(bytes))).toEqual(offset === null ? null : { code: 'not_utf8', offset })
  })

  it('finds a NUL, and of two problems the first', () => {
    expect(findTextProblem(Buffer.from('a\0b'))).toEqual({ code: 'has_nul', offset: 1 })
    expect(findTextProblem(Buffer.from([0x61, 0, 0xff]))).toEqual({ code: 'has_nul', offset: 1 })
    expect(findTextProblem(Buffer.from([0xff, 0]))).toEqual({ code: 'not_utf8', offset: 0 })
  })

  it('says where any bytes stop being UTF-8', () => {
    const byte = fc.oneof(fc.integer({ min: 1, max: 255 }), fc.constantFrom(0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0x9f, 0xa0, 0x8f, 0x90))
    fc.assert(fc.property(fc.array(fc.oneof(byte.map(b => [b]), fc.constantFrom('é', '漢', '😀').map(s => [...Buffer.from(s)])), { maxLength: 8 }), (parts) => {
      const content = Buffer.from(parts.flat())
      const problem = findTextProblem(content)
      expect(problem === null).toBe(isUtf8(content))
      if (!problem) return
      // All before it is well formed, and the decoder's first replacement stands just there.
      expect(isUtf8(content.subarray(0, problem.offset))).toBe(true)
      const before = content.toString('utf8', 0, problem.offset)
      expect(content.toString('utf8').slice(before.length, before.length + 1)).toBe('\ufffd')
    }), { numRuns: 2000 })
  })
})

describe('readSource', () => {
  const failure = (path: string, limit: number) => readSource(path, limit).then(() => null, (error: unknown) => error)

  it('reads a file up to the limit, and refuses one beyond it', async () => {
    const path = join(folder('a.md'), 'a.md')
    expect((await readSource(path, 4)).toString()).toBe('text')
    const error = await failure(path, 3)
    expect(error).toBeInstanceOf(SourceError)
    expect(error).toMatchObject({ code: 'too_large', file: path, offset: null })
    writeFileSync(path, '')
    expect(await readSource(path, 0)).toHaveLength(0)
  })

  it('reads on when a file holds more than its size says, up to the limit', async () => {
    // What the kernel tells of itself has size 0.
    expect((await readSource('/proc/self/status', 1 << 20)).toString()).toMatch(/^Name:[^]*\n$/)
    expect(await failure('/proc/self/status', 100)).toMatchObject({ code: 'too_large' })
  })

  it('reads a large file whole while it is appended to', async () => {
    const path = join(folder(), 'grows.md')
    writeFileSync(path, Buffer.alloc(5_000_000, 'a'))
    const reading = readSource(path, 5_000_100)
    appendFileSync(path, 'b'.repeat(50))
    expect((await reading).length).toBeGreaterThanOrEqual(5_000_000)
  })

  it('says what is wrong otherwise', async () => {
    const path = folder()
    execFileSync('mkfifo', [join(path, 'pipe.md')])
    expect(await failure(join(path, 'none.md'), 9)).toMatchObject({ code: 'not_found', message: expect.stringContaining('none.md') })
    expect(await failure(path, 9)).toMatchObject({ code: 'not_a_file' })
    expect(await failure(join(path, 'pipe.md'), 9)).toMatchObject({ code: 'not_a_file' })
    expect(await failure('a\0b', 9)).toMatchObject({ code: 'unreadable' })
  })
})

describe('listSources', () => {
  const paths = async (...args: string[]) => (await listSources(args)).sources.map(source => source.relativePath)

  it('walks a folder in code unit order, for its text files', async () => {
    const path = folder('b.md', 'a/z.TXT', 'a.md', 'B.markdown', 'a/y/x.text', 'c.mdown', 'd.MKD', 'é.md', 'no.html', 'md', '.git/x.md', 'a/node_modules/x.md')
    const { sources, problems } = await listSources([path])
    expect(problems).toEqual([])
    expect(sources.map(source => source.relativePath)).toEqual(['B.markdown', 'a.md', 'a/y/x.text', 'a/z.TXT', 'b.md', 'c.mdown', 'd.MKD', 'é.md'])
    expect(sources[2]!.file).toBe(join(path, 'a', 'y', 'x.text'))
  })

  it('takes a file that is named whatever its extension, and a folder that is named whatever its name', async () => {
    const path = folder('LICENSE', 'node_modules/p/readme.md')
    expect(await paths(join(path, 'LICENSE'), join(path, 'node_modules'))).toEqual(['LICENSE', 'p/readme.md'])
  })

  it('takes any name', async () => {
    const names = ['a b.md', 'q"u\'o`te.md', 'new\nline.md', '漢字😀.md', 'back\\slash.md', '-rf.md']
    expect(await paths(folder(...names))).toEqual(names.toSorted())
  })

  it('follows links to files in the folder, and no link to a folder', async () => {
    const path = folder('real.md', 'sub/x.md')
    symlinkSync('real.md', join(path, 'link.md'))
    symlinkSync('link.md', join(path, 'linked.md'))
    symlinkSync('.', join(path, 'loop.md'))
    symlinkSync('sub', join(path, 'other'))
    symlinkSync('nowhere.md', join(path, 'broken.md'))
    symlinkSync('circle.md', join(path, 'circle.md'))
    const { sources, problems } = await listSources([path])
    expect(sources.map(source => source.relativePath)).toEqual(['link.md', 'linked.md', 'real.md', 'sub/x.md'])
    expect(problems.map(({ code, file }) => [code, file]).sort()).toEqual([['not_found', join(path, 'broken.md')], ['unreadable', join(path, 'circle.md')]])
    expect(await paths(join(path, 'other'))).toEqual(['x.md'])
  })

  it('follows no link out of the folder, by whatever way it leads there, and names each', async () => {
    const outer = folder('secret.md', 'secrets/x.md', 'secret.txt', 'in/real.md', 'in/sub/y.md', 'in-beside/z.md')
    const path = join(outer, 'in')
    execFileSync('mkfifo', [join(outer, 'pipe')])
    const links: Record<string, string> = {
      'file.md': '../secret.md', 'absolute.md': join(outer, 'secret.txt'), 'beside.md': '../in-beside/z.md', 'twice.md': 'file.md', 'sub/up.md': '../../secret.md', 'through.md': 'folder/x.md',
      'folder': '../secrets', 'folder.md': '../secrets', 'root': '/', 'device.md': '/dev/zero', 'pipe.md': '../pipe', 'process.md': '/proc/self/status', 'there-and-back.md': '../in/real.md',
    }
    for (const [name, to] of Object.entries(links)) symlinkSync(to, join(path, name))
    for (const name of ['node_modules', '.git', 'picture.png']) symlinkSync('../secrets', join(path, name))
    rmSync(join(path, 'picture.png'))
    symlinkSync('../secret.md', join(path, 'picture.png'))
    const { sources, problems } = await listSources([path])
    expect(sources.map(source => source.relativePath)).toEqual(['real.md', 'sub/y.md', 'there-and-back.md'])
    expect(problems.map(({ code, file }) => `${code} ${file}`).sort()).toEqual(Object.keys(links).filter(name => name !== 'there-and-back.md').map(name => `outside ${join(path, name)}`).sort())
    // The folder may be named by a link; what is named itself is taken.
    symlinkSync('in', join(outer, 'alias'))
    expect(await paths(join(outer, 'alias'), join(path, 'file.md'))).toEqual(['real.md', 'sub/y.md', 'there-and-back.md', 'file.md'])
  })

  it('reads nothing outside though a link is put there after the listing', async () => {
    const outer = folder('secret.md', 'secrets/x.md', 'in/a.md', 'in/sub/x.md')
    const { sources } = await listSources([join(outer, 'in')])
    rmSync(join(outer, 'in/a.md'))
    symlinkSync('../secret.md', join(outer, 'in/a.md'))
    rmSync(join(outer, 'in/sub'), { recursive: true })
    symlinkSync('../secrets', join(outer, 'in/sub'))
    for (const { file, root } of sources) await expect(readSource(file, 100, root)).rejects.toMatchObject({ code: 'outside' })
  })

  it('reports a name that is not UTF-8, and goes on', async () => {
    const path = folder('a.md')
    for (const name of ['b\xff.md', 'c\xff.html']) writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name, 'latin1')]), '')
    const { sources, problems } = await listSources([path])
    expect(sources.map(source => source.relativePath)).toEqual(['a.md'])
    expect(problems).toMatchObject([{ code: 'bad_name', file: join(path, 'b\ufffd.md') }])
  })

  it('reports what is missing, and what is neither file nor folder', async () => {
    const path = folder('a.md')
    execFileSync('mkfifo', [join(path, 'pipe.md')])
    const { sources, problems } = await listSources([join(path, 'none'), path, join(path, 'pipe.md')])
    expect(sources).toHaveLength(1)
    expect(problems.map(({ code, file }) => [code, file])).toEqual([
      ['not_found', join(path, 'none')], ['not_a_file', join(path, 'pipe.md')], ['not_a_file', join(path, 'pipe.md')],
    ])
    expect(problems[0]!.message).toContain('none')
  })

  it('keeps the first of two files that would become the same, and reports the other', async () => {
    const [one, two] = [folder('a.md', 'b.md'), folder('a.md')]
    const { sources, problems } = await listSources([one, two])
    expect(sources.map(source => source.file)).toEqual([join(one, 'a.md'), join(one, 'b.md')])
    expect(problems).toMatchObject([{ code: 'duplicate', file: join(two, 'a.md') }])
    expect(problems[0]!.message).toContain(join(one, 'a.md'))
  })
})
