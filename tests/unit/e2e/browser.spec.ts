/** How the tests come by a browser: each way with its faults, and what is said of them. */
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import * as tar from 'tar'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { findBrowser, WAYS } from '../../e2e/support/browser.ts'
import { type Machine, thisMachine } from '../../e2e/support/machine.ts'
import { packagedChromium } from '../../e2e/support/packaged-chromium.ts'

const root = mkdtempSync(join(tmpdir(), 'iu-browser-'))
afterAll(() => rmSync(root, { recursive: true }))

const SCRIPT = (says: string) => `#!/bin/sh\n${says}\n`
let folder: string
let told: string[]
const tell = (message: string) => void told.push(message)
beforeEach(() => {
  folder = mkdtempSync(join(root, 'test-'))
  told = []
})

/** An executable file that does as the script says. */
function program(name: string, says: string): string {
  const path = join(folder, name)
  writeFileSync(path, SCRIPT(says))
  chmodSync(path, 0o755)
  return path
}

/** A machine with nothing on it, where programs run and npm and apt-get do as told. */
function machine(more: Partial<Omit<Machine, 'run'>> & { run?: (program: string, args: string[]) => Promise<string> | undefined } = {}): Machine {
  const real = thisMachine()
  return {
    platform: 'linux', arch: 'x64', isRoot: false, path: [], cache: join(folder, 'cache'), ...more,
    run: (name, args, options) => more.run?.(name, args) ?? (name.startsWith(root) ? real.run(name, args, options) : Promise.reject(new Error(`${name}: nothing of the kind here`))),
  }
}

/** A package like the real one, in small: with far more zeros at the end of an archive than a reader waits for. */
async function makePackage(): Promise<{ of: { name: string, version: string, sha512: string }, archive: string }> {
  const source = mkdtempSync(join(root, 'package-'))
  const bin = join(source, 'package/bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'chromium.br'), brotliCompressSync(SCRIPT('echo "Chromium 1 in ${LD_LIBRARY_PATH##*/}"')))
  for (const [name, file] of [['al2023', 'lib/libx.so'], ['swiftshader', 'libvk.so'], ['fonts', 'fonts/a.ttf']] as const) {
    mkdirSync(join(source, name, file, '..'), { recursive: true })
    writeFileSync(join(source, name, file), name.repeat(1000))
    tar.create({ cwd: join(source, name), file: join(source, `${name}.tar`), sync: true }, [file])
    writeFileSync(join(bin, `${name}.tar.br`), brotliCompressSync(Buffer.concat([readFileSync(join(source, `${name}.tar`)), Buffer.alloc(300_000)])))
  }
  const archive = join(source, 'of-1.0.0.tgz')
  tar.create({ cwd: source, file: archive, gzip: true, sync: true }, ['package'])
  return { of: { name: '@spec/chromium', version: '1.0.0', sha512: createHash('sha512').update(readFileSync(archive)).digest('base64') }, archive }
}

/** npm that packs this archive. */
const npm = (archive: string, change: (bytes: Buffer) => Buffer = bytes => bytes) => async (name: string, args: string[]): Promise<string> => {
  expect([name, ...args.slice(0, 2)]).toEqual(['npm', 'pack', '@spec/chromium@1.0.0'])
  writeFileSync(join(args[args.indexOf('--pack-destination') + 1]!, 'of-1.0.0.tgz'), change(readFileSync(archive)))
  return 'of-1.0.0.tgz\n'
}
const onlyNpm = (archive: string, change?: (bytes: Buffer) => Buffer) => (name: string, args: string[]) => name === 'npm' ? npm(archive, change)(name, args) : undefined

describe('the packaged Chromium', () => {
  it('is fetched whole, whatever stands behind the end of its archives, starts, and is not fetched again', async () => {
    const { of, archive } = await makePackage()
    const here = machine({ run: onlyNpm(archive) })
    const path = await packagedChromium(here, tell, of)
    expect(await here.run(path, ['--version'])).toBe('Chromium 1 in lib\n')
    expect(readdirSync(join(folder, 'cache'))).toEqual(['chromium-1.0.0'])
    expect(readdirSync(join(folder, 'cache/chromium-1.0.0')).sort()).toEqual(['chromium', 'fonts', 'fonts.conf', 'headless', 'lib', 'libvk.so'])
    expect(await packagedChromium(machine(), tell, of)).toBe(path)
    expect(told).toHaveLength(1)
  })

  it('is fetched by several at once', async () => {
    const { of, archive } = await makePackage()
    const paths = await Promise.all([1, 2, 3].map(() => packagedChromium(machine({ run: onlyNpm(archive) }), tell, of)))
    expect(new Set(paths).size).toBe(1)
    expect(readdirSync(join(folder, 'cache'))).toEqual(['chromium-1.0.0'])
  })

  it.each<[string, RegExp, (made: Awaited<ReturnType<typeof makePackage>>) => [Machine, { name: string, version: string, sha512: string }]]>([
    ['npm cannot be run', /^npm: nothing of the kind here$/, ({ of }) => [machine(), of]],
    ['the registry has other bytes', /is not the package that was tested: sha512 /, ({ of, archive }) => [machine({ run: onlyNpm(archive, bytes => Buffer.concat([bytes, Buffer.from('x')])) }), of]],
    ['the package is cut short', /is not the package that was tested: sha512 /, ({ of, archive }) => [machine({ run: onlyNpm(archive, bytes => bytes.subarray(0, bytes.length / 2)) }), of]],
    ['the cache is a file', /EEXIST|ENOTDIR/, ({ of, archive }) => [machine({ cache: program('a-file', ''), run: onlyNpm(archive) }), of]],
    ['the platform has none', /^there is none for darwin on arm64$/, ({ of }) => [machine({ platform: 'darwin', arch: 'arm64' }), of]],
  ])('says why there is none, and leaves nothing: %s', async (_, why, of) => {
    const [here, wanted] = of(await makePackage())
    await expect(packagedChromium(here, tell, wanted)).rejects.toThrow(why)
    if (existsSync(join(folder, 'cache'))) expect(readdirSync(join(folder, 'cache'))).toEqual([])
  })
})

describe('the other ways', () => {
  const way = (name: string) => WAYS.find(it => it.name.includes(name))!

  it('a Chromium of the system is found by name, in the order of PATH', async () => {
    mkdirSync(join(folder, 'one'))
    expect(() => way('of the system').find(machine({ path: [join(folder, 'one'), folder] }), tell)).toThrow('none of chromium, chromium-browser, google-chrome-stable, google-chrome is on PATH')
    const path = program('google-chrome', 'echo 1')
    expect(await way('of the system').find(machine({ path: [join(folder, 'one'), folder] }), tell)).toBe(path)
  })

  it('Debian\'s needs root, installs, and says what apt-get complained of', async () => {
    await expect(way('Debian').find(machine(), tell)).rejects.toThrow('apt-get needs root')
    const path = [folder]
    await expect(way('Debian').find(machine({ isRoot: true, path, run: async () => Promise.reject(new Error('apt-get: E: no network')) }), tell)).rejects.toThrow('apt-get: E: no network')
    const ran: string[][] = []
    const installs = async (name: string, args: string[]) => {
      ran.push([name, args[0]!])
      if (args[0] === 'install') program('chromium', 'echo 1')
      return ''
    }
    expect(await way('Debian').find(machine({ isRoot: true, path, run: installs }), tell)).toBe(join(folder, 'chromium'))
    expect(ran).toEqual([['apt-get', 'update'], ['apt-get', 'install']])
  })

  it('Playwright\'s is installed by Playwright, without root, and what it complained of is said', async () => {
    const ran: string[][] = []
    const fails = async (_: string, args: string[]) => {
      ran.push(args.slice(1))
      return Promise.reject(new Error('node: getaddrinfo ENOTFOUND'))
    }
    await expect(way('fetched').find(machine({ run: fails }), tell)).rejects.toThrow('node: getaddrinfo ENOTFOUND')
    expect(ran).toEqual([['install', 'chromium']])
  })
})

describe('a browser', () => {
  const found = (name: string, path: string) => ({ name, find: () => path })
  const none = (name: string, why: string) => ({ name, find: () => Promise.reject(new Error(why)) })

  it('is the first that starts, and each way that failed is told with its reason', async () => {
    const broken = program('broken', 'echo "libnss3.so: cannot open shared object file" >&2; exit 127')
    const good = program('good', 'echo Chromium 1')
    const ways = [none('the packaged one', 'no space left'), found('Playwright\'s', broken), found('the system\'s', good), none('Debian\'s', 'never asked')]
    expect(await findBrowser(tell, { given: '', ways, machine: machine() })).toBe(good)
    expect(told).toEqual(['no browser by this way: the packaged one: no space left', `no browser by this way: Playwright's: ${broken}: libnss3.so: cannot open shared object file`])
  })

  it('that cannot be had by any way is refused, with every way and why', async () => {
    await expect(findBrowser(tell, { given: '', ways: WAYS.filter(({ name }) => name !== 'Playwright\'s Chromium'), machine: machine({ platform: 'darwin' }) })).rejects.toThrow(new RegExp([
      'no Chromium for the tests: install one, or name one in IU_CHROMIUM',
      'the packaged Chromium: there is none for darwin on x64', 'a Chromium of the system: none of .+ is on PATH',
      'Playwright\'s Chromium, fetched: .+: nothing of the kind here', 'Debian\'s chromium, installed: apt-get needs root',
    ].join('\n {2}')))
    expect(told.filter(line => line.startsWith('no browser by this way'))).toHaveLength(4)
  })

  it('that is named must start', async () => {
    const good = program('good', 'echo Chromium 1')
    expect(await findBrowser(tell, { given: good, ways: [], machine: machine() })).toBe(good)
    const broken = program('broken', 'exit 3')
    await expect(findBrowser(tell, { given: broken, ways: [found('another', good)], machine: machine() })).rejects.toThrow(`IU_CHROMIUM: ${broken} does not start (${broken}: ended with status 3)`)
    await expect(findBrowser(tell, { given: join(folder, 'nowhere'), ways: [], machine: machine() })).rejects.toThrow('ENOENT')
  })
})
