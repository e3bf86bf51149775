import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { NOT_COMPARED } from '../../shared/not-compared.ts'
import { ROOT } from './sources.ts'

it('the kinds that are not compared are in the docs as in the one list, and no others', () => {
  const section = readFileSync(join(ROOT, 'docs/conformance.md'), 'utf8').split('\n## ').find(text => text.startsWith('Not compared\n'))!
  expect(section.split('\n').filter(line => line.startsWith('| ')).slice(1)).toEqual(NOT_COMPARED.map(({ kind, why }) => `| ${kind} | ${why} |`))
})
