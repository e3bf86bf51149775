import type { CheckResult, Receipt, TouchedObject } from '../../shared/commands/receipt.ts'
import { printable } from './report.ts'

const SIGN = { create: '+', update: '~', delete: '-' } as const

/** A value in one line: a text that would not be one, or could be taken for something else, in quotes. */
const inline = (value: unknown): string => typeof value === 'string' && /^[^\s"]+$/.test(value) ? printable(value) : printable(JSON.stringify(value))
const fields = (record: Record<string, unknown> = {}): string => Object.entries(record).map(([key, value]) => `${key}=${inline(value)}`).join(' ')

/** An event is its number: what it is of is said too, though it does not change. */
const SAID = ['type', 'subject']

/** What was, and what is; of an update what differs where both sides speak of it, and what one of them alone does. */
function lines({ ref, change, before = {}, after = {} }: TouchedObject): string[] {
  const pick = (record: Record<string, unknown>, wanted: (key: string) => boolean) => fields(Object.fromEntries(Object.entries(record).filter(([key]) => wanted(key))))
  const alike = (key: string) => key in before && key in after && JSON.stringify(before[key]) === JSON.stringify(after[key])
  const [was, is] = change === 'update' ? [pick(before, key => !alike(key)), pick(after, key => !alike(key))] : [fields(before), fields(after)]
  const of = change === 'update' && ref.startsWith('event:') ? pick(after, key => alike(key) && SAID.includes(key)) : ''
  return [`  ${SIGN[change]} ${printable(ref)}`, ...(of ? [`      of  ${of}`] : []), ...(was ? [`      was ${was}`] : []), ...(is ? [`      is  ${is}`] : [])]
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
    `${receipt.command} ${mode}: ${receipt.outcome && mode !== 'plan' ? receipt.outcome.replaceAll('_', ' ') : receipt.status} (run ${receipt.run})`,
    ...(receipt.headline ? [`  ${printable(receipt.headline)}`] : []),
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
