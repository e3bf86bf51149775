import { z } from 'zod'
import { body, define, instant, line, named } from './contract.ts'

/** Deciding on drift needs no gate: it must work while drift refuses everything else. */
const common = { area: 'gates', gates: [], refreshes: ['conformance', 'layers', 'overview', 'shell', 'session'] } as const

/** The classes of objects that are compared. */
export const OBJECT_CLASSES = ['schema', 'table', 'view', 'function', 'trigger', 'config', 'event_type', 'route', 'vocabulary', 'command', 'other', 'principal'] as const

/** An object as the drift names it. A name may be anything, so the ledger's parameters have its digest; what was touched is named by the catalogue. */
const object = {
  class: z.enum(OBJECT_CLASSES).describe('as the drift names it'),
  object: body(2000).min(1).describe('its name, as the drift writes it'),
}

export const CONFORMANCE = [
  define({
    ...common, code: 'dot_iu_accept_deviation', label: 'Accept deviation', tier: 3, right: 'approver', confirm: 'object',
    description: 'Accepts an object that has drifted, exactly as it is now, until a time. It then refuses no command.',
    input: z.strictObject({
      ...object,
      digest: named(z.string().regex(/^[0-9a-f]{64}$/, 'is no digest of a deviation')).describe('of the deviation as it is now, as the drift has it'),
      owner: line(120, 1).describe('who answers for it: an account or a name'),
      expires_at: instant.describe('it is drift again then, a year from now at the latest'),
    }),
  }),
  define({
    ...common, code: 'dot_iu_withdraw_acceptance', label: 'Withdraw acceptance', tier: 2, right: 'operator',
    description: 'Ends the acceptance of a deviation at once: it is drift again, and refuses commands.',
    input: z.strictObject(object),
  }),
]
