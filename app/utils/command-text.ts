import type { TouchedObject } from '~~/shared/commands/receipt'
import type { Mark } from './marks'

/** An object's reference as words: its class, its name, and for a piece where it stands. */
export function wordsOfRef(ref: string): { kind: string, name: string, within?: string } {
  const at = ref.indexOf(':')
  const kind = words(ref.slice(0, at))
  const name = ref.slice(at + 1)
  const [within, part] = name.split('#')
  return part === undefined ? { kind, name } : { kind, name: part, within }
}

export const CHANGE_MARKS: Record<TouchedObject['change'], Mark & { sign: string }> = {
  create: { sign: '+', icon: 'i-lucide-plus', label: 'created', color: 'text-success' },
  update: { sign: '~', icon: 'i-lucide-pencil', label: 'changed', color: 'text-primary' },
  delete: { sign: '−', icon: 'i-lucide-minus', label: 'removed', color: 'text-error' },
}

export interface Difference {
  name: string
  before?: string
  after?: string
}

const NAMES: Record<string, string> = { sha256: 'SHA-256', render_sha256: 'rendering', manifest_sha256: 'manifest', at: 'position', after: 'stands after', pinned_version: 'pinned version' }
const nameOf = (key: string) => NAMES[key] ?? words(key)

const NUMBERS = new Set(['event', 'corrects_event', 'replay', 'through', 'dead_letter', 'run', 'token', 'checkpoint', 'attempt', 'attempt_no', 'version', 'pinned_version', 'revision', 'position'])

export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What holds a code, which is read as words. */
const CODES = new Set(['becomes', 'outcome', 'what'])

/** A value as one reads it: digests short, amounts grouped, numbers of things not. */
export function wordsOf(value: unknown, key = ''): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number') return NUMBERS.has(key) ? String(value) : formatCount(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value.join(', ')
  if (typeof value !== 'string') return JSON.stringify(value)
  if (value.trim() !== value || value === '') return JSON.stringify(value)
  if (CODES.has(key)) return words(value)
  return /^[0-9a-f]{64}$/.test(value) ? shortDigest(value) : /^\d{4}-\d\d-\d\dT\d\d:/.test(value) ? formatTime(new Date(value).toISOString()) : value
}

/** A record's parts on one line: a name of a field is words, a name of a thing that has fields of its own is not. */
export const wordsOfParts = (record: Record<string, unknown>): string => Object.entries(record).map(([key, value]) =>
  isRecord(value) ? `${key} (${wordsOfParts(value)})` : `${words(key)} ${wordsOf(value, key)}`).join(', ')

/** A membership says its place by the piece before it: the number behind that is the database's own sort key. */
function placed(facts: Record<string, unknown>): Record<string, unknown> {
  const { at, ...others } = facts
  return at === undefined ? facts : { after: 'nothing (first)', ...others }
}

/** The fields that an object's change is about. Who and why of a gate are the ledger's to say, not the plan's. */
export function differencesOf({ ref, change, ...facts }: TouchedObject): Difference[] {
  const [before, after] = [facts.before ?? {}, facts.after ?? {}].map(side => ref.startsWith('piece:') ? placed(side) : side) as [Record<string, unknown>, Record<string, unknown>]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter(key => !(ref.startsWith('gate:') && (key === 'by' || key === 'reason')))
    .filter(key => change !== 'update' || JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map(key => ({ name: nameOf(key), before: wordsOf(before[key], key), after: wordsOf(after[key], key) }))
}

interface Line {
  command: string
  mode: 'plan' | 'apply'
  params?: Record<string, unknown>
  run?: number
  reason?: string
  planDigest?: string
  confirm?: string
}

const quoted = (text: string) => /^[\w./:=@-]+$/.test(text) ? text : `'${text.replaceAll('\'', '\'\\\'\'')}'`

/** The same with the command line. Long texts and passwords do not stand on a command line. */
export function commandLine({ command, mode, params, run, reason, planDigest, confirm }: Line): string {
  const shown = Object.fromEntries(Object.entries(params ?? {}).map(([name, value]) => [name, /password/.test(name) ? '…' : value]))
  const json = JSON.stringify(shown)
  const what = run === undefined ? [`--${mode}`] : mode === 'plan' ? ['--plan', '--undo', String(run)] : ['--undo', String(run)]
  return ['iu command', command, ...what,
    ...(run === undefined && json !== '{}' ? ['--params', json.length > 600 ? '@params.json' : quoted(json)] : []),
    ...(mode === 'apply' && reason ? ['--reason', quoted(reason)] : []),
    ...(mode === 'apply' && planDigest ? ['--plan-digest', planDigest] : []),
    ...(mode === 'apply' && confirm ? ['--confirm', quoted(confirm)] : [])].join(' ')
}
