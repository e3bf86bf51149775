/** What a plan says of an object: changed is what both sides speak of, and a name is never put into words. */
import { describe, expect, it, vi } from 'vitest'
import { tell } from '../../../server/cli/receipt.ts'
import type { Receipt } from '../../../shared/commands/receipt.ts'
import * as format from '../../../app/utils/format.ts'

// Nuxt imports these by itself.
for (const [name, value] of Object.entries(format)) vi.stubGlobal(name, value)
interface Difference { name: string, change: string, before?: string, after?: string }
/** By a path that only runs: its types are Nuxt's, which this project does not have. */
const path = new URL('../../../app/utils/command-text.ts', import.meta.url).href
const { differencesOf, wordsOfParts } = await import(path) as {
  differencesOf: (object: object) => Difference[]
  wordsOfParts: (record: Record<string, unknown>, of?: string) => string
}

const released = { ref: 'event:7', change: 'update' as const, before: { account: 'held', type: 'shop.order_placed', subject: 'S_1' }, after: { account: 'released', type: 'shop.order_placed', subject: 'S_1' } }

describe('differences', () => {
  it('of a released event: it is released, and is what it was', () => {
    expect(differencesOf(released)).toEqual([
      { name: 'account', change: 'changed', before: 'held', after: 'released' },
      { name: 'type', change: 'is', before: 'shop.order_placed', after: 'shop.order_placed' },
      { name: 'subject', change: 'is', before: 'S_1', after: 'S_1' },
    ])
  })

  it('one side alone changes nothing: it was so, or is so', () => {
    expect(differencesOf({ ref: 'gate:x', change: 'update', before: { state: 'open', expires_at: 'then' }, after: { state: 'closed' } })).toEqual([
      { name: 'state', change: 'changed', before: 'open', after: 'closed' }, { name: 'expires at', change: 'was', before: 'then', after: undefined }])
    expect(differencesOf({ ref: 'gate:x', change: 'update', before: { state: 'closed' }, after: { state: 'open', expires_at: 'then' } })[1]).toMatchObject({ change: 'is', after: 'then' })
  })

  it('a null is a value: it became none', () => {
    expect(differencesOf({ ref: 'unit:x', change: 'update', before: { pin: 2 }, after: { pin: null } })).toEqual([{ name: 'pin', change: 'changed', before: '2', after: undefined }])
  })
})

it('names keep their underscores where things are counted by name', () => {
  expect(wordsOfParts({ 'shop.order_placed': 2, 'piece_retired': 1 }, 'by_type')).toBe('shop.order_placed 2, piece_retired 1')
  expect(wordsOfParts({ failed_again: 2 }, 'results')).toBe('failed again 2')
})

it('the command line says the same', () => {
  const told = tell({ run: 1, command: 'dot_iu_release_held_events', mode: 'plan', status: 'planned', objects: [released] } as unknown as Receipt)
  expect(told.split('\n').slice(1, 5)).toEqual(['  ~ event:7', '      of  type=shop.order_placed subject=S_1', '      was account=held', '      is  account=released'])
})
