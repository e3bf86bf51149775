import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { exportPending, placeOf } from '../../../server/cli/export.ts'
import { beginExport, forgetExport } from '../../../server/db/functions/export.ts'
import type { TestDatabase } from '../harness.ts'
import { importText, layers, render, sha256 } from '../layers/world.ts'
import { openDatabase } from '../world.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')
const TEXT = '# Title\r\n\r\nA paragraph with ünicode.\n\n\tTabs, and no last newline'

let db: TestDatabase
let root: string
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'iu-export-')))
})
afterEach(async () => {
  rmSync(root, { recursive: true })
  await db.pool.query('SELECT iu_core.fn_iu_export_forget(id) FROM iu_core.iu_exporter')
})

/** Every file below the folder. */
const files = (folder = root): string[] => readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => !entry.isDirectory()).map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort()
const read = (path: string) => readFileSync(join(root, path))
const manifestOf = async (address: string) => (await db.pool.query<{ text: string, digest: string }>(
  'SELECT iu_core.fn_iu_collection_manifest_text(id) AS text, encode(manifest_digest, \'hex\') AS digest FROM iu_core.iu_collection WHERE canonical_address = $1', [address])).rows[0]!
const knowledge = async () => (await layers(db.pool)).knowledge_base!

/** One run over the folder, as a process does; `crash` throws at that step, as far as the database and the folder can tell a kill. */
async function run(crash?: string) {
  const client = await db.connect()
  try {
    const exporter = await beginExport(client, hostname(), root)
    if (exporter === undefined) throw new Error('busy')
    return await exportPending(client, { root, exporter, onStep: (step) => {
      if (step === crash) throw new Error(`killed: ${step}`)
    } })
  }
  finally {
    await client.end()
  }
}

function iu(...args: string[]): Promise<{ status: number, out: string, err: string }> {
  return new Promise(resolve => execFile(process.execPath, [IU, ...args], { env: { ...process.env, DATABASE_URL: db.url } }, (error, out, err) => resolve({ status: error ? Number(error.code) : 0, out, err })))
}

describe('an export', () => {
  it('writes each rendering and its manifest byte for byte, says so on the layer, and has nothing to do the second time', async () => {
    const [a, b] = [await importText(db, 'docs/a.md', TEXT), await importText(db, 'docs/a.md.txt', 'Plain.\n')]
    expect(await knowledge()).toMatchObject({ state: 'not_connected' })
    const first = await iu('export', '--to', root, '--json')
    expect(first.status).toBe(0)
    expect(JSON.parse(first.out)).toMatchObject({ folder: root, exported: [{ address: a, status: 'exported', digest: sha256(TEXT), bytes: Buffer.byteLength(TEXT) }, { address: b, status: 'exported' }] })
    expect(files()).toEqual(['docs/a.md.txt@/@manifest', 'docs/a.md.txt@/a.md.txt', 'docs/a.md@/@manifest', 'docs/a.md@/a.md'])
    expect(read('docs/a.md@/a.md').equals(Buffer.from(TEXT))).toBe(true)
    const manifest = await manifestOf(a)
    expect(read('docs/a.md@/@manifest').toString()).toBe(manifest.text)
    expect(sha256(read('docs/a.md@/@manifest'))).toBe(manifest.digest)
    expect(await knowledge()).toMatchObject({ state: 'in_step', behind: 0, saw: b, digest: sha256('Plain.\n'), seen: true })
    expect(await run()).toEqual([])
  })

  it('is behind as soon as a collection is rendered, also to the same text, and in step after it runs', async () => {
    const address = await importText(db, 'behind.md', 'One.\n')
    await run()
    expect(await knowledge()).toMatchObject({ state: 'in_step' })
    await render(db.pool, address)
    expect(await knowledge()).toMatchObject({ state: 'behind', behind: 1, detail: '1 folder, 1 rendering is not in its files; an exporter runs for none' })
    expect(await run()).toMatchObject([{ address, status: 'exported' }])
    expect(await knowledge()).toMatchObject({ state: 'in_step', saw: address })
    await importText(db, 'behind.md', 'Two.\n')
    expect(await knowledge()).toMatchObject({ state: 'behind', behind: 1 })
    await run()
    expect([(await knowledge()).state, read('behind.md@/behind.md').toString()]).toEqual(['in_step', 'Two.\n'])
  })

  it.each(['rendered', 'intended', 'placed', 'read back'])('that is killed when it has %s is made good by the next, and by one of a later rendering', async (step) => {
    const address = await importText(db, 'killed.md', `First, before ${step}.\n`)
    await run()
    await importText(db, 'killed.md', `Second, ${step}.\n`)
    await expect(run(step)).rejects.toThrow(`killed: ${step}`)
    expect(await knowledge()).toMatchObject({ state: 'behind', behind: 1 })
    await importText(db, 'killed.md', `Third, after ${step}.\n`)
    await expect(run(step)).rejects.toThrow(`killed: ${step}`)
    expect(await run()).toMatchObject([{ address, status: 'exported' }])
    expect(read('killed.md@/killed.md').toString()).toBe(`Third, after ${step}.\n`)
    expect(await knowledge()).toMatchObject({ state: 'in_step' })
    expect(files().filter(name => name.includes('.part'))).toEqual([])
  })

  it('sweeps up after one that was really killed, and removes nothing else', async () => {
    const address = await importText(db, 'swept.md', 'Text.\n')
    await run()
    const folder = join(root, 'swept.md@')
    for (const name of ['@0123456789abcdef.part', '@notes.part', 'mine.txt']) writeFileSync(join(folder, name), 'x')
    await render(db.pool, address)
    await run()
    expect(readdirSync(folder).sort()).toEqual(['@manifest', '@notes.part', 'mine.txt', 'swept.md'])
  })

  it('leaves a collection that changed after it was rendered, and says so, until it is rendered again', async () => {
    const address = await importText(db, 'changed.md', 'Before.\n')
    await run()
    await render(db.pool, address)
    await db.pool.query('UPDATE iu_core.iu_collection SET revision = revision + 1 WHERE canonical_address = $1', [address])
    const told = await iu('export', '--to', root)
    expect([told.status, told.err]).toEqual([4, expect.stringContaining(`✗ ${address}: it changed after it was rendered: render it once more`)])
    await render(db.pool, address)
    expect(await run()).toMatchObject([{ status: 'exported' }])
  })

  it('overwrites nothing that it did not write', async () => {
    const address = await importText(db, 'foreign.md', 'Ours.\n')
    mkdirSync(join(root, 'foreign.md@'))
    writeFileSync(join(root, 'foreign.md@/foreign.md'), 'Somebody\'s.\n')
    expect((await run()).filter(one => one.address === address)).toMatchObject([{ status: 'refused', detail: expect.stringContaining('somebody else wrote it') }])
    expect(read('foreign.md@/foreign.md').toString()).toBe('Somebody\'s.\n')
    rmSync(join(root, 'foreign.md@/foreign.md'))
    expect(await run()).toMatchObject([{ address, status: 'exported' }])
    writeFileSync(join(root, 'foreign.md@/@manifest'), 'edited')
    await render(db.pool, address)
    expect(await run()).toMatchObject([{ address, status: 'refused' }])
    expect(await knowledge()).toMatchObject({ state: 'behind', behind: 1 })
  })

  it('reads back what is on record: what was removed is written again, what was changed is told', async () => {
    const [replaced, gone, changed, linked, kept] = [await importText(db, 'back/replaced.md', 'A file.\n'), await importText(db, 'back/gone.md', 'Gone.\n'), await importText(db, 'back/changed.md', 'Ours.\n'), await importText(db, 'back/linked/x.md', 'Linked.\n'), await importText(db, 'back/kept.md', 'Kept.\n')]
    await run()
    rmSync(join(root, 'back/gone.md@/@manifest'))
    writeFileSync(join(root, 'back/changed.md@/changed.md'), 'Theirs.\n')
    rmSync(join(root, 'back/replaced.md@'), { recursive: true })
    writeFileSync(join(root, 'back/replaced.md@'), 'no folder')
    const outside = mkdtempSync(join(tmpdir(), 'iu-outside-'))
    try {
      cpSync(join(root, 'back/linked'), join(outside, 'linked'), { recursive: true })
      rmSync(join(root, 'back/linked'), { recursive: true })
      symlinkSync(join(outside, 'linked'), join(root, 'back/linked'))
      expect(await knowledge()).toMatchObject({ state: 'in_step' })
      const { status, out } = await iu('export', '--to', root, '--json')
      const { exported } = JSON.parse(out) as { exported: { address: string, status: string, detail?: string }[] }
      expect(status).toBe(4)
      expect(exported.find(({ address }) => address === gone)).toMatchObject({ status: 'exported' })
      expect(exported.find(({ address }) => address === changed)).toMatchObject({ status: 'refused', detail: expect.stringContaining('somebody else wrote it') })
      for (const address of [linked, replaced]) expect(exported.find(one => one.address === address)).toMatchObject({ status: 'refused', detail: expect.stringContaining('is no folder') })
      expect(exported.find(({ address }) => address === kept)).toBeUndefined()
      expect(read('back/gone.md@/@manifest').toString()).toBe((await manifestOf(gone)).text)
      expect(await knowledge()).toMatchObject({ state: 'behind', behind: 3 })
    }
    finally {
      rmSync(outside, { recursive: true })
    }
    for (const path of ['back/linked', 'back/changed.md@', 'back/replaced.md@']) rmSync(join(root, path), { recursive: true })
    expect((await iu('export', '--to', root)).status).toBe(0)
    expect(await knowledge()).toMatchObject({ state: 'in_step' })
  })

  it('does not leave its folder through a link', async () => {
    const address = await importText(db, 'linked/x.md', 'Inside.\n')
    const outside = mkdtempSync(join(tmpdir(), 'iu-outside-'))
    try {
      symlinkSync(outside, join(root, 'linked'))
      expect((await run()).filter(one => one.address === address)).toMatchObject([{ status: 'refused', detail: expect.stringContaining('is no folder') }])
      rmSync(join(root, 'linked'))
      mkdirSync(join(root, 'linked/x.md@'), { recursive: true })
      writeFileSync(join(outside, 'target'), 'not ours')
      symlinkSync(join(outside, 'target'), join(root, 'linked/x.md@/x.md'))
      expect(await run()).toMatchObject([{ status: 'refused', detail: expect.stringContaining('is no file') }])
      expect(readdirSync(outside)).toEqual(['target'])
      expect(readFileSync(join(outside, 'target'), 'utf8')).toBe('not ours')
    }
    finally {
      rmSync(outside, { recursive: true })
    }
  })

  it('takes a rendering back only as it was sealed', async () => {
    const address = await importText(db, 'sealed.md', 'Sealed.\n')
    await db.pool.query('UPDATE iu_core.iu_collection SET render_digest = sha256(\'x\') WHERE canonical_address = $1', [address])
    expect((await run()).filter(one => one.address === address)).toMatchObject([{ status: 'refused', detail: expect.stringContaining('but was sealed with') }])
    expect(existsSync(join(root, 'sealed.md@/sealed.md'))).toBe(false)
    await render(db.pool, address)
    await run()
    expect(read('sealed.md@/sealed.md').toString()).toBe('Sealed.\n')
  })

  it('has its folder to itself, and a folder is forgotten with its files left', async () => {
    await importText(db, 'forgotten.md', 'Text.\n')
    await run()
    const other = await db.connect()
    const exporter = (await beginExport(other, hostname(), root))!
    expect((await db.pool.query('SELECT is_running FROM iu_core.v_iu_exporter')).rows).toEqual([{ is_running: true }])
    await expect(run()).rejects.toThrow('busy')
    const before = files()
    expect(await forgetExport(other, exporter)).toBeGreaterThan(0)
    await other.end()
    expect(await knowledge()).toMatchObject({ state: 'not_connected' })
    expect(files()).toEqual(before)
    // What is there already is what is wanted: it is taken on.
    expect(new Set((await run()).map(({ status }) => status))).toEqual(new Set(['exported']))
  })

  it('--watch goes on with what is rendered later, and ends when it is told to', async () => {
    const address = await importText(db, 'watched.md', 'First.\n')
    const watching = spawn(process.execPath, [IU, 'export', '--to', root, '--watch', '--poll', '20'], { env: { ...process.env, DATABASE_URL: db.url }, stdio: ['ignore', 'ignore', 'inherit'] })
    const ended = once(watching, 'exit')
    const content = () => existsSync(join(root, 'watched.md@/watched.md')) && read('watched.md@/watched.md').toString()
    try {
      await expect.poll(content).toBe('First.\n')
      await importText(db, 'watched.md', 'Second.\n')
      await expect.poll(content).toBe('Second.\n')
      await expect.poll(async () => (await knowledge()).state).toBe('in_step')
      expect((await knowledge()).detail).toContain('an exporter runs for 1')
    }
    finally {
      watching.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    }
    await render(db.pool, address)
    expect(await knowledge()).toMatchObject({ state: 'behind', detail: expect.stringContaining('an exporter runs for none') })
  })
})

describe('the place of a collection', () => {
  it.each([
    ['a', { folders: ['a@'], file: 'a' }],
    ['docs/api.md', { folders: ['docs', 'api.md@'], file: 'api.md' }],
    ['docs/api.md/x', { folders: ['docs', 'api.md', 'x@'], file: 'x' }],
  ])('%s', (address, place) => {
    expect(placeOf(address)).toEqual(place)
  })

  it('is never too long for a file system, nor the same for two', () => {
    const [a, b] = ['a', 'b'].map(last => placeOf(`${'x'.repeat(400)}${last}`))
    expect(a!.folders[0]!.length).toBeLessThan(255)
    expect(a).not.toEqual(b)
  })

  it.each(['..', '../x', '/etc/passwd', 'a/../b', 'a//b', 'a@', 'A', 'a/', '', 'a\u0000', 'a\\b', '.a', 'a/.b'])('%j is none', (address) => {
    expect(() => placeOf(address)).toThrow('is no canonical address')
  })
})
