import type { CheckResult, Receipt, TouchedObject } from '../../shared/commands/receipt.ts'
import { printable } from './report.ts'

const SIGN = { create: '+', update: '~', delete: '-' } as const

/** A value in one line: a text that would not be one, or could be taken for something else, in quotes. */
const inline = (value: unknown): string => typeof value === 'string' && /^[^\s"]+$/.test(value) ? printable(value) : printable(JSON.stringify(value))
const fields = (record: Record<string, unknown> = {}): string => Object.entries(record).map(([key, value]) => `${key}=${inline(value)}`).join(' ')

/** What was, and what is; of an update only what differs. */
function lines({ ref, change, before, after }: TouchedObject): string[] {
  const differing = (record: Record<string, unknown>, other: Record<string, unknown> = {}) =>
    change === 'update' ? Object.fromEntries(Object.entries(record).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(other[key]))) : record
  const [was, is] = [fields(before && differing(before, after)), fields(after && differing(after, before))]
  return [`  ${SIGN[change]} ${printable(ref)}`, ...(was ? [`      was ${was}`] : []), ...(is ? [`      is  ${is}`] : [])]
}

/** What undoes a run; a plan has done nothing that could be undone. */
function wayBack({ mode, command, run, inverse, irreversible }: Receipt): string[] {
  if (inverse) return [mode === 'plan' ? `  ${inverse.command} would undo it` : `  undo: iu command ${command} --undo ${run}`]
  return irreversible ? [`  not reversible: ${irreversible}`] : []
}

/** A receipt for a person; the checks are those of its verification, where there was one. */
export function tell(receipt: Receipt, checks: CheckResult[] = receipt.results ?? []): string {
  const { mode, counts, events = [], notes = [], objects = [], result = {}, secret = {} } = receipt
  const total = counts ? counts.create + counts.update + counts.delete : 0
  return [
    `${receipt.command} ${mode}: ${receipt.status} (run ${receipt.run})`,
    ...(receipt.detail ? [`  ${printable(receipt.detail)}`] : []),
    ...objects.flatMap(lines),
    ...(total > objects.length ? [`  … and ${total - objects.length} more`] : []),
    ...events.map(({ type, lane, count }) => `  event ${type} × ${count} (${lane})`),
    ...(Object.keys(result).length ? [`  result ${fields(result)}`] : []),
    ...notes.map(note => `  note ${printable(note)}`),
    ...Object.entries(secret).map(([key, value]) => `  ${key} (shown once): ${value}`),
    ...checks.map(({ name, ok, detail }) => `  ${ok ? '✓' : '✗'} ${name}${detail ? `: ${printable(detail)}` : ''}`),
    ...wayBack(receipt),
    ...(mode === 'plan' && receipt.plan_digest ? [`  plan digest ${receipt.plan_digest}, holds until ${receipt.expires_at}`] : []),
  ].join('\n')
}
