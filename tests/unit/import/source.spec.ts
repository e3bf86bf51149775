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

  it('follows links to files, not to folders', async () => {
    const path = folder('real.md', 'sub/x.md')
    symlinkSync('real.md', join(path, 'link.md'))
    symlinkSync('.', join(path, 'loop.md'))
    symlinkSync('sub', join(path, 'other'))
    symlinkSync('nowhere.md', join(path, 'broken.md'))
    const { sources, problems } = await listSources([path])
    expect(sources.map(source => source.relativePath)).toEqual(['link.md', 'real.md', 'sub/x.md'])
    expect(problems).toMatchObject([{ code: 'not_found', file: join(path, 'broken.md') }])
    expect(await paths(join(path, 'other'))).toEqual(['x.md'])
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
