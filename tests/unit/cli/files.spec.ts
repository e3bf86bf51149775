import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { madeFolder, PRIVATE } from '../../../server/cli/files.ts'

const folder = mkdtempSync(join(tmpdir(), 'iu-files-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('refuses a folder that cannot be made by the option that names it', () => {
  const file = join(folder, 'a file')
  writeFileSync(file, '')
  for (const path of ['/proc/nowhere', '/proc/no/where', join(file, 'below'), file]) expect(() => madeFolder('backup-to', path)).toThrow(/^--backup-to: .+ cannot be made: E/)
})

it('makes a folder, for its owner alone where that is asked for, and takes one that is there', () => {
  const made = join(folder, 'a/b/c')
  expect([madeFolder('to', made, PRIVATE), madeFolder('to', made)]).toEqual([made, made])
  expect(statSync(made).mode & 0o777).toBe(0o700)
})
