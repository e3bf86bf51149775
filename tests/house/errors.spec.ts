import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SQLSTATES } from '../../shared/problem.ts'
import { ROOT } from './sources.ts'
import { readSql } from './sql.ts'

const CATALOGUE = Object.entries(SQLSTATES).map(([sqlState, { code, status, title }]) => [sqlState, code, String(status), title])
const raisedIn = (text: string): string[] => [...text.matchAll(/(?:ERRCODE\s*=|'sqlstate',)\s*'(IU\w{3})'/g)].map(([, sqlState]) => sqlState!)

describe('the SQLSTATEs of our own', () => {
  it('are the ones that the functions raise', () => {
    const raised = new Set(readSql('definitions').flatMap(({ text }) => raisedIn(text)))
    expect([...raised].sort()).toEqual(Object.keys(SQLSTATES).sort())
  })

  it('are each in docs/errors.md, and no other', () => {
    const rows = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').split('\n').filter(line => line.startsWith('| IU'))
    expect(rows.map(row => row.split('|').slice(1, 5).map(cell => cell.trim()))).toEqual(CATALOGUE)
  })

  it('have a code each, and a status that means a refusal', () => {
    expect(new Set(CATALOGUE.map(([, code]) => code)).size).toBe(CATALOGUE.length)
    expect(CATALOGUE.filter(([, code, status]) => !/^[a-z]+(?:_[a-z]+)*$/.test(code!) || Number(status) < 400 || Number(status) > 599)).toEqual([])
  })
})
