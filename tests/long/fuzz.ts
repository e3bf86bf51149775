/** Requests that nobody would send, and some that one would: to every command, to every read, and to addresses that do not exist. */
import type { OutgoingHttpHeaders } from 'node:http'
import fc from 'fast-check'
import { COMMANDS } from '../../shared/commands/index.ts'
import type { CommandContract } from '../../shared/commands/contract.ts'
import { EXAMPLES, QUERY_EXAMPLES } from '../../shared/openapi/examples.ts'
import { READ_ROUTES } from '../../shared/read-models/routes.ts'

/** Who asks: sessions of each right, tokens of three scopes, and nobody. */
export const ACTORS = ['admin', 'admin', 'admin', 'admin', 'second', 'operator', 'reviewer', 'token', 'reading', 'creating', 'nobody'] as const
export type Actor = (typeof ACTORS)[number]

export interface Fuzzed {
  actor: Actor
  path: string
  method: string
  headers: OutgoingHttpHeaders
  body?: string | Buffer
  chunked?: boolean
}

/** Plan, apply, verify, plan the undo, undo: as far as it goes. */
export interface Flow { actor: Actor, code: string, params: string, key: string, isUndone: boolean }

/** What JSON.stringify cannot say: it stands in the text by these names until the end. */
const DEEP = /"@deep (\d+) (list|map)@"/g
const MANY = /"@many (\d+) (\S+)@"/g
const NAMED = /"@names (\d+)@"/g
const spelled = (value: unknown): string => (JSON.stringify(value) ?? 'null')
  .replace(MANY, (_, count, number) => `[${Array(Number(count)).fill(number).join()}]`)
  .replace(NAMED, (_, count) => `{${Array.from({ length: Number(count) }, (_, n) => `"k${n}":${n}`).join()}}`)
  .replace(DEEP, (_, levels, kind) => kind === 'list' ? '['.repeat(Number(levels)) + ']'.repeat(Number(levels)) : '{"a":'.repeat(Number(levels)) + '1' + '}'.repeat(Number(levels)))
  .replaceAll('"@proto@"', '"__proto__"')

const deep = fc.tuple(fc.constantFrom(10, 65, 100, 1000, 5000, 10_000), fc.constantFrom('list', 'map')).map(([levels, kind]) => `@deep ${levels} ${kind}@`)

/** A few bytes each, and without end once they are written out, or judged one by one. */
const huge = fc.oneof(
  fc.tuple(fc.constantFrom(1, 20, 21, 3000), fc.constantFrom('1e131071', '-1e9999', '1e-16383', '0e-16000', '1e500', '1e499', '9e999999999999', `1.${'0'.repeat(600)}`, '7'.repeat(600)))
    .map(([count, number]) => `@many ${count} ${number}@`),
  fc.constantFrom(1000, 40_000).map(count => `@names ${count}@`),
)
/** Patterns that some engine needs longer for than there is time, and a few that none does. */
const PATTERNS = [
  '^(\\w?){255}(\\w?){255}!$', '(a*)*b', '^(a+)+$', '(a|a)*b', '^(a*)(a*)(a*)(a*)\\1\\2\\3\\4b', '(?=.*a)(?=.*b)', '((a{1,100}){1,100})', `${'a?'.repeat(200)}!`, '(?i)a', '***=a', '(', '[[:alpha:]]', '^[A-Z]{3}$', '.{0,255}.{0,255}!',
]
const schema = fc.oneof(fc.constantFrom(...PATTERNS).map(pattern => ({ type: 'object', required: ['a'], properties: { a: { type: 'string', pattern } } })), huge.map(many => ({ examples: [many] })), huge.map(many => ({ minimum: many })))

const TEXTS = [
  '', ' ', '\0', 'a\0b', '\ud800', 'a\udfff\ud800b', '\u0007', '\u001b[31m', '\r\n', '\u202eright to left', '\ufeff', 'é'.normalize('NFD'), '👩‍👩‍👧‍👦', 'x'.repeat(70_000), '日'.repeat(2001),
  '\'; DROP TABLE iu_core.iu_account; --', '" OR 1=1 --', '$1', '%s%n', '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '{{7*7}}${7*7}', '../../../etc/passwd', 'file:///etc/passwd',
  '%00', '%', '_', '\\', 'null', 'true', 'NaN', '-1', '1e999', '0x10', '2030-01-31T12:00:00Z', '9999-99-99T99:99:99Z', '0001-01-01T00:00:00Z', '# A heading\n\nA text.\n\n- a\n  - b\n', '```\nopen', '[a]: b "c"\n',
]
const NUMBERS = [0, -0, -1, 1, 2, 1.5, 1e308, -1e308, 2 ** 31 - 1, 2 ** 31, 2 ** 53, 2 ** 53 + 2, 2 ** 63, 1e-300, Number.MAX_VALUE]
const KNOWN = [
  'handbook.md', 'handbook/opening-hours', 'handbook/welcome', 'branch/opening-hours', 'notices', 'shop.order', 'shop.order.log', 'ada', 'iu_core.structure_ops_enabled',
  'first', 'last', 'file', 'paragraph', 'read', '*', 'operator',
]
const nasty: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>(...TEXTS) },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(...NUMBERS) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { $ref: '#' }, { '@proto@': 1 }) },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(...KNOWN) },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: huge },
  { weight: 1, arbitrary: schema },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 600 }) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom<unknown>(...KNOWN, ...TEXTS), { maxLength: 6 }) },
)
/** Parts of a name that is free, mostly. */
const fresh = fc.nat(400).map(n => `fuzz${n}`)
/** What an example must have otherwise, so that not only the first who takes it can have it; no gate is closed that others need. */
const OTHERWISE: Record<string, (name: string) => Record<string, unknown>> = {
  dot_iu_add_account: account => ({ account }),
  dot_iu_import_text: name => ({ source_path: `${name}.md` }),
  dot_iu_register_event_type: name => ({ event_type: `shop.${name}` }),
  dot_iu_register_route: name => ({ route: `shop.${name}` }),
  dot_iu_close_gate: () => ({ gate: 'iu_core.structure_ops_enabled' }),
  dot_iu_open_gate: () => ({ gate: 'iu_core.structure_ops_enabled' }),
}

/** What a command takes, wrong in a few places or in none. */
function paramsOf({ code, input }: CommandContract, mistakes: number): fc.Arbitrary<Record<string, unknown>> {
  const example = EXAMPLES[code]!
  const names = [...Object.keys(input.shape), 'unknown', 'constructor', '@proto@']
  const wrong = fc.array(fc.tuple(fc.constantFrom(...names), fc.oneof({ weight: 5, arbitrary: nasty }, { weight: 'payload_schema' in input.shape ? 5 : 0, arbitrary: schema }, { weight: 1, arbitrary: fc.constant(undefined) })), { maxLength: mistakes })
  const moved = fresh.map(name => OTHERWISE[code]?.(name) ?? ('address' in example ? { address: `fuzz/${name}` } : {}))
  return fc.tuple(moved, wrong).map(([where, changes]) => ({ ...example, ...where, ...Object.fromEntries(changes) }))
}

const contract = fc.constantFrom(...COMMANDS)
const actor = fc.constantFrom(...ACTORS)
const json = { 'content-type': 'application/json' }

const commandBody = contract.chain(one => fc.record({
  actor, path: fc.constant(`/api/commands/${one.code}`), method: fc.constant('POST'), headers: fc.constant<OutgoingHttpHeaders>(json),
  body: fc.tuple(
    fc.oneof({ weight: 8, arbitrary: fc.constantFrom<unknown>('plan', 'apply', 'apply') }, { weight: 1, arbitrary: fc.constantFrom<unknown>('verify', 'rollback') }, { weight: 1, arbitrary: nasty }),
    fc.oneof({ weight: 9, arbitrary: paramsOf(one, 3) as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: nasty }),
    fc.dictionary(fc.constantFrom('reason', 'confirm', 'planDigest', 'run', 'unknown', '@proto@', 'token', 'actor'), nasty, { maxKeys: 2 }),
  ).map(([mode, params, more]) => spelled({ mode, params, ...more })),
}))

const rawBody: fc.Arbitrary<Fuzzed> = fc.record({
  actor, path: fc.oneof(contract.map(({ code }) => `/api/commands/${code}`), fc.constant('/api/session')), method: fc.constant('POST'),
  headers: fc.constantFrom<OutgoingHttpHeaders>(json, json, json, {}, { 'content-type': 'text/plain' }, { 'content-type': 'application/json; charset=utf-16' }, { ...json, 'content-encoding': 'gzip' }),
  body: fc.oneof(nasty.map(spelled), fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)), fc.constantFrom('', '{', '[', '"', '{"mode":', '\ufeff{}', '{}{}', `{"mode":"plan","params":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`)),
  chunked: fc.boolean(),
})

const NAMES = Object.keys(READ_ROUTES) as (keyof typeof READ_ROUTES)[]
const text = fc.oneof(fc.constantFrom(...TEXTS.filter(one => one.length < 3000), ...KNOWN, ...NUMBERS.map(String), ...COMMANDS.map(({ code }) => code as string)), fc.string({ unit: 'binary', maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 300 }), fc.nat(50).map(String), fc.constantFrom('1.1.1', '5~3~1', '-1~0~0', '0'))
const encoded = (value: string) => encodeURIComponent(value.toWellFormed()).slice(0, 6000).replace(/%.?$/, '')
const reading: fc.Arbitrary<Fuzzed> = fc.tuple(actor, fc.constantFrom(...NAMES, 'health/live', 'health/ready', 'openapi', 'collections/render'), fc.constantFrom('GET', 'GET', 'GET', 'HEAD')).chain(([who, name, method]) => {
  const known = name in READ_ROUTES ? Object.keys(READ_ROUTES[name as keyof typeof READ_ROUTES].query.shape) : ['address']
  const pair = fc.tuple(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...known, 'unknown') }, { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'address[]', '') }), text)
  return fc.tuple(fc.boolean(), fc.array(pair, { maxLength: 3 })).map(([isAsked, pairs]) => {
    const query = [...(isAsked ? known.filter(key => QUERY_EXAMPLES[key]).map(key => [key, QUERY_EXAMPLES[key]!] as [string, string]) : []), ...pairs].map(([key, value]) => `${encoded(key)}=${encoded(value)}`).join('&')
    return { actor: who, path: `/api/${name}${query ? `?${query}` : ''}`.slice(0, 7000).replace(/%.?$/, ''), method, headers: {} }
  })
})

const latin = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map(code => String.fromCharCode(code)), maxLength: 250 })
const header = fc.oneof(
  fc.tuple(fc.constantFrom('idempotency-key', 'idempotency-key', 'origin', 'cookie', 'authorization', 'accept', 'x-forwarded-for', 'x-forwarded-host', 'x-http-method-override', 'if-none-match', 'range', 'referer', 'user-agent', 'x-random'), latin),
  fc.constantFrom(['host', 'iu.example'], ['host', 'localhost'], ['authorization', 'Bearer '], ['authorization', 'Bearer iut_made_up'], ['cookie', 'iu-session=Fe26.2**made*up'], ['accept', 'text/html'], ['origin', 'null'] as [string, string]),
)
const anyRequest: fc.Arbitrary<Fuzzed> = fc.record({
  actor,
  path: fc.oneof(
    fc.constantFrom('/api/', '/api/commands/', '/api/commands/contract', '/api/commands/%00', '/api/commands/%ff', '/api/commands/%zz', '/api/commands/..%2fsession', '/api//gates', '/api/gates/', '/api/GATES', '/api/__proto__', '/api/collections/render?address=handbook.md', '/api/session?x=1', '/api/%2e%2e/gates', '/api/gates?%ff=%fe', '/api/gates?a[b]=c'),
    fc.nat(400).map(n => `/try?type=shop.fuzz${n}`),
    fc.constantFrom(...NAMES).map(name => `/api/${name}`), contract.map(({ code }) => `/api/commands/${code}`), latin.map(word => `/api/${encodeURIComponent(word)}`),
  ),
  method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'),
  headers: fc.array(header, { maxLength: 3 }).map(pairs => ({ ...json, ...Object.fromEntries(pairs) }) as OutgoingHttpHeaders),
  body: fc.constantFrom(undefined, '{}', '{"mode":"plan","params":{}}'),
})
  // Whoever signs out by a fuzzed DELETE is gone for the rest.
  .filter(({ path, method }) => !(method === 'DELETE' && path.startsWith('/api/session')))

export const fuzzed: fc.Arbitrary<Fuzzed> = fc.oneof(
  { weight: 55, arbitrary: commandBody as fc.Arbitrary<Fuzzed> }, { weight: 8, arbitrary: rawBody }, { weight: 25, arbitrary: reading }, { weight: 12, arbitrary: anyRequest },
)

export const flow: fc.Arbitrary<Flow> = contract.chain(one => fc.record({
  actor: fc.constantFrom<Actor>('admin', 'admin', 'second', 'token'), code: fc.constant(one.code as string), params: paramsOf(one, 1).map(spelled), key: fc.nat(500).map(String), isUndone: fc.boolean(),
}))
